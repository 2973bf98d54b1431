// SPDX-License-Identifier: Apache-2.0
// A program that a test starts: its standard streams are pipes, read as the lines come. It does not outlive the object.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace brink::live {

struct ChildOptions {
    std::optional<unsigned> soft_limit = std::nullopt;  // RLIMIT_NOFILE
    std::optional<unsigned> hard_limit = std::nullopt;
    std::optional<uid_t> uid = std::nullopt;
    std::vector<int> inherit = {};  // descriptors that go through exec under their numbers
    std::map<std::string, std::string> environment = {};
    std::vector<std::pair<int, int>> resources = {};  // further soft limits
    std::string cgroup_procs = {};                    // of the cgroup that it begins in
};

class Child {
  public:
    explicit Child(std::vector<std::string> arguments, ChildOptions options = {});
    ~Child();
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    pid_t pid() const { return pid_; }
    void send(const std::string& line);
    void close_input();
    void signal(int number) const;

    // What has come so far.
    std::vector<std::string> out_lines();
    std::string out();
    std::string out_from(std::size_t position);
    std::string err();
    // The next line of standard output not taken yet; empty when there is none to come.
    std::string take_line();
    // Waits for a line of standard error that the expression matches; false when standard error ends without.
    bool wait_for_error_line(const std::string& expression);
    bool wait_for(const std::function<bool()>& condition);

    // Waits for its end, and for the end of its output. The status as waitpid() gives it.
    int wait();
    bool ended();

  private:
    struct Stream {
        std::string text;
        std::size_t taken = 0;
        bool ended = false;
    };
    void read_all(int fd, Stream& stream);
    void reap();

    pid_t pid_ = -1;
    int input_ = -1;
    std::optional<int> status_;
    std::mutex mutex_;
    std::condition_variable changed_;
    Stream out_;
    Stream err_;
    std::thread out_reader_;
    std::thread err_reader_;
};

// As a shell says it: 128 + signal for a death by signal.
int shell_status(int wait_status);

}  // namespace brink::live
