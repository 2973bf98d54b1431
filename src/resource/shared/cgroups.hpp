// SPDX-License-Identifier: Apache-2.0
// What resources of cgroups share: a walk over a hierarchy, in which each cgroup has a usage in one file and a limit in
// another.
#pragma once

#include <functional>
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

/// Takes the pressure of what `kind` ("cpu", "memory", "io") is scarce in, for the system and every cgroup.
[[nodiscard]] Result<std::string> take_pressure(kernel::Machine& machine, std::string_view kind,
                                                const Take& take);

}  // namespace brink::resource
