// SPDX-License-Identifier: Apache-2.0
// locks: file locks of a process against RLIMIT_LOCKS (getrlimit(2)). Linux has enforced nothing since 2.4.25,
// and counts nothing.

#include "resource/table.hpp"

namespace brink::resource {

extern const Definition k_locks;
const Definition k_locks{
    .resource =
        {.name = "locks",
         .scope = Scope::process,
         .unit = Unit::count,
         .summary = "file locks of a process (RLIMIT_LOCKS: not enforced)",
         .limited_by = "RLIMIT_LOCKS, not enforced",
         .exactness = "-",
         .unreadable =
             "the kernel has not enforced RLIMIT_LOCKS since Linux 2.4.25, and counts nothing"},
};

}  // namespace brink::resource
