// SPDX-License-Identifier: Apache-2.0
// memory: memory of a cgroup against memory.max (Documentation/admin-guide/cgroup-v2.rst): mem_cgroup.memory,
// a page_counter, which is memory.current. The kernel charges a processor's batch of 64 pages in advance. With
// cgroup v1 memory.limit_in_bytes. At the limit the kernel reclaims, then kills.

#include "resource/shared/cgroups.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    return take_cgroups(machine, "memory", take, [](const kernel::Cgroup& cgroup, int version) {
        return version == 2
                   ? usage_and_limit(cgroup, "memory.current", "memory.max")
                   : usage_and_limit(cgroup, "memory.usage_in_bytes", "memory.limit_in_bytes");
    });
}

}  // namespace

extern const Definition k_memory;
const Definition k_memory{
    .resource = {.name = "memory",
                 .scope = Scope::cgroup,
                 .unit = Unit::bytes,
                 .summary = "memory of a cgroup",
                 .limited_by = "memory.max",
                 .exactness = "a batch of 64 pages a processor: the kernel charges in advance",
                 .hooked = Hooked::cgroup_memory,
                 .facility = Facility::cgroup_events},
    .read_all = read_all,
};

}  // namespace brink::resource
