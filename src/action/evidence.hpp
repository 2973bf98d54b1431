// SPDX-License-Identifier: Apache-2.0
// evidence: what makes up the count, and where the program was when it crossed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "action/action.hpp"
#include "bpf/wire.h"
#include "brink/resource.hpp"
#include "kernel/procfs.hpp"

namespace brink::action {

struct EvidenceRequest {
    const Resource* resource = nullptr;  ///< whose usage is to be broken down; null: descriptors
    pid_t pid = 0;                       ///< whose; in our own pid namespace
    uid_t uid = 0;                       ///< whose, of resources of a user
    std::string cgroup;                  ///< whose, of resources of a cgroup
    std::uint64_t start_time = 0;  ///< field 22 of /proc/PID/stat, to know it again; 0: unknown
    std::optional<std::uint64_t> usage;  ///< at the crossing; the subject goes on meanwhile
    /// Captured at the crossing; null: none.
    const brink_stack_record* stack = nullptr;
    /// The process that acted, whose stack it is: another than `pid` where a table is shared
    /// (CLONE_FILES) or was filled from outside. 0: `pid`.
    pid_t stack_pid = 0;
};

/// Result "done" (perhaps with a word in Evidence::unavailable), or "failed" where there is
/// nothing at all. Blocks for tens of milliseconds, at most about two seconds. If the pid has
/// another owner by now nothing of that one is told.
[[nodiscard]] ActionOutcome collect_evidence(const kernel::Procfs& procfs,
                                             const EvidenceRequest& request);

}  // namespace brink::action
