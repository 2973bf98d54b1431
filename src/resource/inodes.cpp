// SPDX-License-Identifier: Apache-2.0
// inodes: inodes of a file system that has a fixed number of them, against what ordinary users may use
// (statvfs(3)). Remote ones are left out: asking a server that does not answer would hang.
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "resource/shared/file_systems.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    return take_file_systems(machine, take,
                             [](const struct statvfs& values) -> std::optional<Reading> {
                                 const std::uint64_t used =
                                     values.f_files - std::min(values.f_ffree, values.f_files);
                                 if (values.f_files == 0) return std::nullopt;
                                 return Reading{.usage = used, .limit = used + values.f_favail};
                             });
}

}  // namespace

extern const Definition k_inodes;
const Definition k_inodes{
    .resource = {.name = "inodes",
                 .scope = Scope::system,
                 .unit = Unit::count,
                 .summary = "inodes of a file system",
                 .limited_by = "the file system",
                 .denied_errno = ENOSPC,
                 .exactness = "exact"},
    .read_all = read_all,
};

}  // namespace brink::resource
