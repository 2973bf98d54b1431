// SPDX-License-Identifier: Apache-2.0
// raise:CEILING: gives a process more room: doubles its soft limit (prlimit(2)), but not beyond the ceiling or the hard
// limit. With a level relative to the limit it comes again when the new limit is near.
#pragma once

#include <cstdint>

#include "action/action.hpp"
#include "kernel/procfs.hpp"
#include "resource/table.hpp"

namespace brink::action {

struct RaiseRequest {
    pid_t pid = 0;
    std::uint64_t start_time = 0;  ///< field 22 of /proc/PID/stat
    resource::Rlimit rlimit;
    std::uint64_t ceiling = 0;  ///< in base units of the resource
};

/// Result "done", "refused" (it stands at its ceiling, it is spared) or "failed". Does not block.
[[nodiscard]] ActionOutcome raise_limit(const kernel::Procfs& procfs, const RaiseRequest& request);

}  // namespace brink::action
