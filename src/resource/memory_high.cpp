// SPDX-License-Identifier: Apache-2.0
// memory_high: memory of a cgroup against memory.high (Documentation/admin-guide/cgroup-v2.rst), above which
// its processes are slowed down and made to give memory back. cgroup v1 has no such limit (its soft limit is
// another thing).

#include "resource/shared/cgroups.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    return take_cgroups(machine, "memory", take, only_v2("memory.current", "memory.high"));
}

}  // namespace

extern const Definition k_memory_high;
const Definition k_memory_high{
    .resource = {.name = "memory_high",
                 .scope = Scope::cgroup,
                 .unit = Unit::bytes,
                 .summary = "memory of a cgroup, against where it is slowed down",
                 .limited_by = "memory.high",
                 .exactness = "a batch of 64 pages a processor: the kernel charges in advance",
                 .hooked = Hooked::cgroup_memory_high,
                 .facility = Facility::cgroup_events},
    .read_all = read_all,
};

}  // namespace brink::resource
