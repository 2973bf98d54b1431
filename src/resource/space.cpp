// SPDX-License-Identifier: Apache-2.0
// space: space of a file system that holds files, against what ordinary users may use of it (statvfs(3)): what
// is kept for root is not in the limit. Remote ones are left out: asking a server that does not answer would
// hang.
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "resource/shared/file_systems.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    return take_file_systems(
        machine, take, [](const struct statvfs& values) -> std::optional<Reading> {
            const std::uint64_t used = values.f_blocks - std::min(values.f_bfree, values.f_blocks);
            if (values.f_blocks == 0) return std::nullopt;
            return Reading{.usage = used * values.f_frsize,
                           .limit = (used + values.f_bavail) * values.f_frsize};
        });
}

}  // namespace

extern const Definition k_space;
const Definition k_space{
    .resource = {.name = "space",
                 .scope = Scope::system,
                 .unit = Unit::bytes,
                 .summary = "space of a file system",
                 .limited_by = "the file system",
                 .denied_errno = ENOSPC,
                 .exactness = "exact"},
    .read_all = read_all,
};

}  // namespace brink::resource
