// SPDX-License-Identifier: Apache-2.0
// What resources of cgroups share: a walk over a hierarchy, in which each cgroup has a usage in one file and a limit in
// another.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "resource/table.hpp"

namespace brink::resource {

/// Reads one cgroup of a hierarchy of version 1 or 2. ENOENT: it has no such limit.
using ReadCgroup = std::function<Result<Reading>(const kernel::Cgroup&, int version)>;

[[nodiscard]] Result<Reading> usage_and_limit(const kernel::Cgroup& cgroup, std::string_view usage,
                                              std::string_view limit);

/// The same, and EOPNOTSUPP with version 1.
[[nodiscard]] ReadCgroup only_v2(std::string_view usage, std::string_view limit);

/// Takes every cgroup of the hierarchy with `controller` that `read` can read; the answer is that of
/// Definition::read_all.
[[nodiscard]] Result<std::string> take_cgroups(kernel::Machine& machine,
                                               std::string_view controller, const Take& take,
                                               const ReadCgroup& read);

/// The window in which time is counted by the resources of pressure: their limit.
inline constexpr std::uint64_t kPressureWindowNs = 2'000'000'000;

/// "cpu" of the resource pressure_cpu. REQUIRES: Facility::pressure.
[[nodiscard]] std::string_view pressure_kind(const Resource& resource);

/// Nanoseconds since boot, or since the cgroup was made, for which some task was stalled: out of the text of a file of
/// PSI. nullopt: it has none.
[[nodiscard]] std::optional<std::uint64_t> pressure_total_ns(std::string_view text);

[[nodiscard]] Subject the_cgroup(const kernel::Cgroup& cgroup);
[[nodiscard]] Subject the_system();

/// Takes the pressure of what `kind` ("cpu", "memory", "io") is scarce in, for the system and every cgroup.
[[nodiscard]] Result<std::string> take_pressure(kernel::Machine& machine, std::string_view kind,
                                                const Take& take);

}  // namespace brink::resource
