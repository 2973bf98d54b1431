// SPDX-License-Identifier: Apache-2.0
// pressure_memory: time for which some task of a cgroup, or of the system, waited for memory, in a window of 2
// s (Documentation/accounting/psi.rst); the window is the limit: more cannot be. A look from outside reads
// avg10, the share of the last 10 s, and gives it as time in 2 s. "/" is the system (/proc/pressure/memory);
// cgroup v1 has no pressure of its own.

#include "resource/shared/cgroups.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    return take_pressure(machine, "memory", take);
}

}  // namespace

extern const Definition k_pressure_memory;
const Definition k_pressure_memory{
    .resource = {.name = "pressure_memory",
                 .scope = Scope::cgroup,
                 .unit = Unit::time_ns,
                 .summary = "time in 2 s for which some task waited for memory",
                 .limited_by = "the window of 2 s",
                 .exactness = "an average of the last 10 s",
                 .facility = Facility::pressure},
    .read_all = read_all,
};

}  // namespace brink::resource
