// SPDX-License-Identifier: Apache-2.0
// maps: memory mappings of a process against vm.max_map_count (Documentation/admin-guide/sysctl/vm.rst):
// mm->map_count. There is no number to read, only the lines of /proc/PID/maps: a look costs as much as the
// process has mappings, and needs the ptrace read right. The kernel refuses what would make more than one
// mapping above the limit.
#include <cerrno>

#include "kernel/file_text.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<Reading> read(const kernel::ProcessFiles& process) {
    const auto usage = process.mappings();
    if (!usage) return tl::unexpected<Error>(usage.error());
    const auto limit = kernel::read_number(process.procfs().root() + "/sys/vm/max_map_count");
    if (!limit) return tl::unexpected<Error>(limit.error());
    return Reading{.usage = *usage, .limit = *limit};
}

}  // namespace

extern const Definition k_maps;
const Definition k_maps{
    .resource = {.name = "maps",
                 .scope = Scope::process,
                 .unit = Unit::count,
                 .summary = "memory mappings of a process",
                 .limited_by = "vm.max_map_count",
                 .denied_errno = ENOMEM,
                 .exactness = "exact; the kernel refuses from one above the limit on",
                 .hooked = Hooked::mappings,
                 .evidence = true},
    .read_process = read,
};

}  // namespace brink::resource
