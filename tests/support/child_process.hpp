// SPDX-License-Identifier: Apache-2.0
// ChildProcess: a child that does what the test tells it, one letter at a time.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <stdexcept>
#include <utility>

namespace brink::test {

/// Runs `step` in a child for each letter that is told; tell() returns when the step is done. The
/// child is killed and reaped with the object; its own plumbing takes two descriptors.
class ChildProcess {
  public:
    explicit ChildProcess(const std::function<void(char)>& step) {
        if (::pipe2(orders_, O_CLOEXEC) != 0 || ::pipe2(answers_, O_CLOEXEC) != 0)
            throw std::runtime_error("pipe2");
        pid_ = ::fork();
        if (pid_ < 0) throw std::runtime_error("fork");
        if (pid_ == 0) obey(step);
        ::close(std::exchange(orders_[0], -1));
        ::close(std::exchange(answers_[1], -1));
        wait_for_answer();
    }
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;
    ~ChildProcess() {
        end();
        ::close(orders_[1]);
        ::close(answers_[0]);
    }

    [[nodiscard]] pid_t pid() const { return pid_; }

    void tell(char letter) const {
        if (::write(orders_[1], &letter, 1) != 1) throw std::runtime_error("the child is gone");
        wait_for_answer();
    }

    void kill() const { ::kill(pid_, SIGKILL); }

    /// Kills and reaps.
    void end() {
        if (pid_ <= 0) return;
        kill();
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }

  private:
    [[noreturn]] void obey(const std::function<void(char)>& step) const {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::close(orders_[1]);
        ::close(answers_[0]);
        char letter = 0;
        while (::write(answers_[1], &letter, 1) == 1 && ::read(orders_[0], &letter, 1) == 1)
            step(letter);
        ::_exit(0);
    }

    void wait_for_answer() const {
        char answer = 0;
        if (::read(answers_[0], &answer, 1) != 1) throw std::runtime_error("the child is gone");
    }

    int orders_[2] = {-1, -1};
    int answers_[2] = {-1, -1};
    pid_t pid_ = -1;
};

}  // namespace brink::test
