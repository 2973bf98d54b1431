// SPDX-License-Identifier: Apache-2.0
// cpu_throttled: time for which the tasks of a cgroup were held back because its quota (cpu.max) was used up
// (Documentation/scheduler/sched-bwc.rst): throttled_usec in cpu.stat, since the cgroup was made; with cgroup
// v1 throttled_time, in nanoseconds. It only grows, and nothing limits it.

#include "resource/shared/cgroups.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    return take_cgroups(machine, "cpu", take, [](const kernel::Cgroup& cgroup, int version) {
        return cgroup.field("cpu.stat", version == 2 ? "throttled_usec" : "throttled_time")
            .map([&](std::uint64_t time) {
                return Reading{.usage = version == 2 ? time * 1000 : time};
            });
    });
}

}  // namespace

extern const Definition k_cpu_throttled;
const Definition k_cpu_throttled{
    .resource = {.name = "cpu_throttled",
                 .scope = Scope::cgroup,
                 .unit = Unit::time_ns,
                 .summary = "time for which cpu.max held a cgroup back",
                 .limited_by = "cpu.max; the time itself has no limit",
                 .exactness = "exact"},
    .read_all = read_all,
};

}  // namespace brink::resource
