// SPDX-License-Identifier: Apache-2.0
// ChildLookup: who descends from whom, for one scan. Where the kernel lists children it asks for
// each parent; elsewhere (no CONFIG_PROC_CHILDREN) it walks through all processes once, when made.
#pragma once

#include <sys/types.h>

#include <unordered_map>
#include <vector>

#include "kernel/procfs.hpp"

namespace brink::kernel {

class ChildLookup {
  public:
    /// `procfs` must outlive the lookup.
    explicit ChildLookup(const Procfs& procfs);

    /// Children of `pid`, of all its threads. A number may have a new owner by the time it is used.
    [[nodiscard]] std::vector<pid_t> of(pid_t pid) const;

    /// Children of thread `tid` only; none where the kernel does not list them.
    [[nodiscard]] std::vector<pid_t> of_thread(pid_t tid) const;

    /// Children, their children and so on, parents before children; at most 65536.
    [[nodiscard]] std::vector<pid_t> descendants(pid_t pid) const;

  private:
    const Procfs* procfs_;
    std::unordered_multimap<pid_t, pid_t> by_parent_;
};

}  // namespace brink::kernel
