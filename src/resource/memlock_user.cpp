// SPDX-License-Identifier: Apache-2.0
// memlock_user: memory locked on behalf of a user against RLIMIT_MEMLOCK (getrlimit(2)): with SHM_LOCK in
// ucounts->rlimit[UCOUNT_RLIMIT_MEMLOCK], and by io_uring, perf and others in user->locked_vm, both in pages. These are
// two counts, each compared with the limit for itself; the second is one for all user namespaces. perf may go beyond the
// limit by kernel.perf_event_mlock_kb for each processor. Only the task iterator shows them.
#include <sys/resource.h>

#include <cerrno>

#include "resource/shared/users.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    if (take_counted(machine, &kernel::UserCounts::locked_bytes, RLIMIT_MEMLOCK, take)) return "";
    return fail("the kernel shows what is locked for a user nowhere but to a tracing program",
                EPERM);
}

}  // namespace

extern const Definition k_memlock_user;
const Definition k_memlock_user{
    .resource =
        {.name = "memlock_user",
         .scope = Scope::user,
         .unit = Unit::bytes,
         .summary = "memory locked for a user (SHM_LOCK, io_uring, perf)",
         .limited_by = "RLIMIT_MEMLOCK",
         .denied_errno = ENOMEM,
         .exactness =
             "the larger of two counts; what perf locks is in it, and may go beyond the limit",
         .hooked = Hooked::user_locked_memory},
    .read_all = read_all,
};

}  // namespace brink::resource
