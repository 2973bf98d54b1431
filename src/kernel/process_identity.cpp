// SPDX-License-Identifier: Apache-2.0
// Taking hold of a process: descriptor first, then its start time, then whether the number still
// was its own.
#include "kernel/process_identity.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

namespace brink::kernel {
namespace {

constexpr unsigned kPidfdThread = O_EXCL;  // PIDFD_THREAD, Linux 6.9

Fd open_pidfd(pid_t pid, bool thread) {
    const unsigned flags = thread ? kPidfdThread : 0;
    return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, flags)));
}

bool is_reaped(int pidfd) {
    return ::syscall(SYS_pidfd_send_signal, pidfd, 0, nullptr, 0) != 0 && errno == ESRCH;
}

}  // namespace

Result<ProcessIdentity> ProcessIdentity::take(const Procfs& procfs, pid_t pid, bool thread) {
    ProcessIdentity identity;
    if (procfs.root() == "/proc") identity.pidfd_ = open_pidfd(pid, thread);
    auto stat = procfs.stat(pid);
    if (!stat) return tl::unexpected<Error>(stat.error());
    identity.stat_ = std::move(*stat);
    const auto status = procfs.status(pid);
    if (!thread && status && status->tgid != 0 && status->tgid != pid)
        return fail(std::to_string(pid) + " is a thread of process " +
                        std::to_string(status->tgid) + ", not a process",
                    EINVAL);
    if (identity.pidfd_ && is_reaped(identity.pidfd_.get()))
        return fail("there is no process " + std::to_string(pid), ESRCH);
    return identity;
}

bool ProcessIdentity::ended(const Procfs& procfs) const {
    if (pidfd_) {
        pollfd waiting{pidfd_.get(), POLLIN, 0};
        return ::poll(&waiting, 1, 0) > 0;
    }
    const auto now = procfs.stat(stat_.pid);
    if (!now || now->start_time != stat_.start_time) return true;
    return now->state == 'X' || (now->state == 'Z' && now->num_threads < 2);
}

}  // namespace brink::kernel
