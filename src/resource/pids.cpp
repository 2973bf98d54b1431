// SPDX-License-Identifier: Apache-2.0
// pids: processes and threads of a cgroup against pids.max (Documentation/admin-guide/cgroup-v2.rst):
// pids_cgroup.counter, which is pids.current. Each cgroup is held against its own limit, and against those of
// its ancestors, which are rows of their own. cgroup v1 has the same files.
#include <cerrno>

#include "resource/shared/cgroups.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    return take_cgroups(machine, "pids", take, [](const kernel::Cgroup& cgroup, int) {
        return usage_and_limit(cgroup, "pids.current", "pids.max");
    });
}

}  // namespace

extern const Definition k_pids;
const Definition k_pids{
    .resource = {.name = "pids",
                 .scope = Scope::cgroup,
                 .unit = Unit::count,
                 .summary = "processes and threads of a cgroup",
                 .limited_by = "pids.max",
                 .denied_errno = EAGAIN,
                 .exactness = "exact",
                 .hooked = Hooked::cgroup_pids,
                 .facility = Facility::cgroup_events,
                 .evidence = true},
    .read_all = read_all,
};

}  // namespace brink::resource
