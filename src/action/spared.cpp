// SPDX-License-Identifier: Apache-2.0
#include "action/spared.hpp"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace brink::action {
namespace {

constexpr std::uint32_t kKernelThread = 0x00200000;  // PF_KTHREAD, since Linux 2.6.27

}  // namespace

Result<Fd> take_hold(const kernel::Procfs& procfs, pid_t pid, std::uint64_t start_time) {
    if (pid <= 0) return fail("it is no process that could be acted on", ESRCH);
    if (pid == 1) return fail("process 1 is never acted on", EPERM);
    if (pid == ::getpid()) return fail("brink never acts on itself", EPERM);
    Fd held(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!held && errno != ESRCH) return fail_errno(fmt::format("process {}: pidfd_open", pid));
    // Asked after it is held: then it is the process that is held.
    const auto stat = procfs.stat(pid);
    if (!held || !stat || stat->start_time != start_time)
        return fail(fmt::format("process {} is gone", pid), ESRCH);
    if (stat->flags & kKernelThread) return fail("threads of the kernel are never acted on", EPERM);
    return held;
}

}  // namespace brink::action
