// SPDX-License-Identifier: Apache-2.0
// Evidence: which processes make up a number of processes or threads: of one process by the names of its threads, of a user
// or a cgroup by who started whom.
#pragma once

#include <sys/types.h>

#include <string>

#include "brink/event.hpp"
#include "kernel/descriptor_table.hpp"
#include "kernel/procfs.hpp"

namespace brink::kernel {

/// Threads of `pid` by name, the largest group first. Bounded, never fails.
[[nodiscard]] Evidence describe_threads(const Procfs& procfs, pid_t pid,
                                        const DescribeBounds& bounds = {});

/// Threads of the processes of user `uid`, by the way from the first of them down: "sshd > bash > make". Likewise.
[[nodiscard]] Evidence describe_user_tree(const Procfs& procfs, uid_t uid,
                                          const DescribeBounds& bounds = {});

/// The same of a cgroup (its path as in /proc/PID/cgroup) and those below it.
[[nodiscard]] Evidence describe_cgroup_tree(const Procfs& procfs, const std::string& cgroup,
                                            const DescribeBounds& bounds = {});

}  // namespace brink::kernel
