// SPDX-License-Identifier: Apache-2.0
// CommandProcess: the command of `brink run`, or one that brinkd supervises. It is forked, gets the limits that brink was started with, waits on a pipe
// until the watch is set, and then executes with the signal mask and the descriptors that brink was started with. Should brink die before that, the command does not start; after that it lives on.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "action/exec.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"

namespace brink::action {

class CommandProcess {
  public:
    [[nodiscard]] static Result<CommandProcess> fork(const std::vector<std::string>& command,
                                                     const action::OriginalState& original);

    [[nodiscard]] pid_t pid() const { return pid_; }
    /// Readable when the command has ended.
    [[nodiscard]] int fd() const { return pidfd_.get(); }
    /// Field 22 of /proc/PID/stat.
    [[nodiscard]] std::uint64_t start_time() const { return start_time_; }

    /// Lets it execute. The error has errno of execvp(3); the process is gone then.
    [[nodiscard]] Result<void> execute();
    /// Ends it before it has executed.
    void abandon();

    void signal(int number) const;

    /// The wait status, once it has ended; it is reaped then.
    [[nodiscard]] std::optional<int> reap();

  private:
    CommandProcess() = default;

    pid_t pid_ = 0;
    std::uint64_t start_time_ = 0;
    Fd pidfd_;
    Fd go_;      // writing a byte lets the child execute
    Fd result_;  // closed by a successful execve; else brings its errno
    std::optional<int> status_;
};

}  // namespace brink::action
