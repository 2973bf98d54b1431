// SPDX-License-Identifier: Apache-2.0
// What resources of users share: one count for all processes of a user, and a limit in each of them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>

#include "resource/table.hpp"

namespace brink::resource {

[[nodiscard]] Subject the_user(const kernel::Machine& machine, uid_t uid);

/// Takes each of `users` (real user id and usage) against the lowest soft limit RLIMIT_… `rlimit` among the processes
/// of that user. RLIMIT_NPROC does not hold uid 0 of the initial user namespace: unlimited.
void take_users(kernel::Machine& machine, const std::map<uid_t, std::uint64_t>& users, int rlimit,
                const Take& take);

/// With the task iterator: takes `count` of every user, each user namespace for itself, against RLIMIT_… `rlimit`, or where
/// that is negative against `limit`. False without it: nothing was taken.
[[nodiscard]] bool take_counted(kernel::Machine& machine, std::uint64_t kernel::UserCounts::*count,
                                int rlimit, const Take& take, std::uint64_t limit = kUnlimited);

}  // namespace brink::resource
