// SPDX-License-Identifier: Apache-2.0
// A program that runs beside the loops: started, waited for until it says on standard error that it
// is at work, and ended again. One thread. The pipe is there from the beginning, so that the number
// of open descriptors is the same with and without the program.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "timed_loops.hpp"

namespace brink::bench {

class Beside {
  public:
    static constexpr int kPatience_ms = 120'000;

    // `armed`: a text that the program writes when it is at work; empty: wait for its end instead.
    Beside(std::vector<std::string> command, std::string armed)
        : command_(std::move(command)), armed_(std::move(armed)) {
        if (::pipe2(pipe_, O_CLOEXEC)) throw std::runtime_error("pipe2 failed");
    }
    ~Beside() {
        stop();
        ::close(pipe_[0]);
        ::close(pipe_[1]);
    }
    Beside(const Beside&) = delete;
    Beside& operator=(const Beside&) = delete;

    // Returns the nanoseconds from exec (nearly: from fork) to what was waited for.
    std::int64_t start() {
        const std::int64_t begin = monotonic_ns();
        spawn();
        if (armed_.empty())
            reap();
        else
            wait_for_armed();
        return monotonic_ns() - begin;
    }

    // Ends the program and returns when it is gone.
    void stop() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGTERM);
        reap();
        drain();
    }

    [[nodiscard]] pid_t pid() const { return pid_; }

  private:
    void spawn() {
        std::vector<char*> arguments;
        for (std::string& word : command_) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        pid_ = ::fork();
        if (pid_ < 0) throw std::runtime_error("fork failed");
        if (pid_ > 0) return;
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);
        const int null = ::open("/dev/null", O_RDWR);
        ::dup2(null, STDIN_FILENO);
        ::dup2(null, STDOUT_FILENO);
        ::dup2(pipe_[1], STDERR_FILENO);
        if (null > STDERR_FILENO) ::close(null);
        ::execvp(arguments[0], arguments.data());
        ::_exit(127);
    }

    void wait_for_armed() {
        std::string said;
        const std::int64_t end = monotonic_ns() + kPatience_ms * 1'000'000LL;
        while (said.find(armed_) == std::string::npos) {
            if (monotonic_ns() > end || ::waitpid(pid_, nullptr, WNOHANG) == pid_)
                throw std::runtime_error("not armed: " + command_[0] + " said: " + said);
            pollfd ready{pipe_[0], POLLIN, 0};
            if (::poll(&ready, 1, 100) == 1) said += read_some();
        }
    }

    std::string read_some() {
        char buffer[4096];
        const ssize_t n = ::read(pipe_[0], buffer, sizeof buffer);
        return {buffer, n > 0 ? static_cast<std::size_t>(n) : 0};
    }

    void drain() {
        pollfd ready{pipe_[0], POLLIN, 0};
        while (::poll(&ready, 1, 0) == 1) (void)read_some();
    }

    void reap() {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = 0;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
            throw std::runtime_error("cannot execute " + command_[0]);
    }

    std::vector<std::string> command_;
    std::string armed_;
    int pipe_[2] = {-1, -1};
    pid_t pid_ = 0;
};

}  // namespace brink::bench
