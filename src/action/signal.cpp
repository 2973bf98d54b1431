// SPDX-License-Identifier: Apache-2.0
// Sending a signal through a pidfd.
#include "action/signal.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace brink::action {

ActionOutcome send_signal(int pidfd, pid_t pid, int signal) {
    const std::string process = "process " + std::to_string(pid);
    if (pidfd < 0) return failed(process + " is gone");
    if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0)
        return {"sent", "signal " + std::to_string(signal) + " to " + process, std::nullopt};
    if (errno == ESRCH) return failed(process + " is gone");
    return failed("signal " + std::to_string(signal) + " to " + process + ": " +
                  std::strerror(errno));
}

}  // namespace brink::action
