// SPDX-License-Identifier: Apache-2.0
// memory_swap: swap of a cgroup against memory.swap.max (Documentation/admin-guide/cgroup-v2.rst). cgroup v1
// counts memory and swap together, which is another resource and not read.

#include "resource/shared/cgroups.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    return take_cgroups(machine, "memory", take, only_v2("memory.swap.current", "memory.swap.max"));
}

}  // namespace

extern const Definition k_memory_swap;
const Definition k_memory_swap{
    .resource = {.name = "memory_swap",
                 .scope = Scope::cgroup,
                 .unit = Unit::bytes,
                 .summary = "swap of a cgroup",
                 .limited_by = "memory.swap.max",
                 .exactness = "exact",
                 .hooked = Hooked::cgroup_swap,
                 .facility = Facility::cgroup_events},
    .read_all = read_all,
};

}  // namespace brink::resource
