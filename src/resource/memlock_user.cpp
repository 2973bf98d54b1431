// SPDX-License-Identifier: Apache-2.0
// memlock_user: memory locked on behalf of a user against RLIMIT_MEMLOCK (getrlimit(2)): with SHM_LOCK in
// ucounts->rlimit[UCOUNT_RLIMIT_MEMLOCK], by io_uring and perf in user->locked_vm. Neither is shown by the
// kernel.
#include <cerrno>

#include "resource/table.hpp"

namespace brink::resource {

extern const Definition k_memlock_user;
const Definition k_memlock_user{
    .resource = {.name = "memlock_user",
                 .scope = Scope::user,
                 .unit = Unit::bytes,
                 .summary = "memory locked for a user (SHM_LOCK, io_uring, perf)",
                 .limited_by = "RLIMIT_MEMLOCK",
                 .denied_errno = EPERM,
                 .exactness = "exact",
                 .unreadable = "the kernel shows what is locked for a user nowhere"},
};

}  // namespace brink::resource
