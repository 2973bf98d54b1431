// SPDX-License-Identifier: Apache-2.0
// memlock: memory that a process has locked, with mlock(2), mlockall(2) or MAP_LOCKED, against RLIMIT_MEMLOCK
// (getrlimit(2)): mm->locked_vm, which is VmLck in /proc/PID/status. A process with CAP_IPC_LOCK is not held
// to it. What is locked with SHM_LOCK, by io_uring or by perf is counted for the user: memlock_user.
#include <sys/resource.h>

#include <cerrno>

#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<Reading> read(const kernel::ProcessFiles& process) {
    return against_rlimit(process, process.locked(), RLIMIT_MEMLOCK);
}

}  // namespace

extern const Definition k_memlock;
const Definition k_memlock{
    .resource = {.name = "memlock",
                 .scope = Scope::process,
                 .unit = Unit::bytes,
                 .summary = "locked memory of a process (mlock, MAP_LOCKED)",
                 .limited_by = "RLIMIT_MEMLOCK",
                 .denied_errno = ENOMEM,
                 .exactness = "exact",
                 .hooked = Hooked::locked_memory},
    .read_process = read,
};

}  // namespace brink::resource
