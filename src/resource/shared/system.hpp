// SPDX-License-Identifier: Apache-2.0
// What resources of the whole system share: one number against another.
#pragma once

#include <cstdint>
#include <string>

#include "resource/table.hpp"

namespace brink::resource {

/// Takes `usage` against `limit` for the system; the answer is that of Definition::read_all.
[[nodiscard]] Result<std::string> take_system(const Result<std::uint64_t>& usage,
                                              const Result<std::uint64_t>& limit, const Take& take);

/// Threads of all processes: what stands behind the slash in /proc/loadavg, proc_loadavg(5).
[[nodiscard]] Result<std::uint64_t> all_threads(const kernel::Machine& machine);

}  // namespace brink::resource
