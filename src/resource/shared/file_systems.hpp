// SPDX-License-Identifier: Apache-2.0
// What resources of file systems share: a look at each that holds files here.
#pragma once

#include <sys/statvfs.h>

#include <functional>
#include <optional>
#include <string>

#include "resource/table.hpp"

namespace brink::resource {

/// Takes every file system that is mounted for writing, once, where it is mounted first. Those whose server may not
/// answer (NFS, FUSE and the like) and what is mounted below them are not asked; such, and those that may not be read, are
/// named in the answer. `read`: nullopt, it has no such limit.
[[nodiscard]] Result<std::string> take_file_systems(
    kernel::Machine& machine, const Take& take,
    const std::function<std::optional<Reading>(const struct statvfs&)>& read);

}  // namespace brink::resource
