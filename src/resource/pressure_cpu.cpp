// SPDX-License-Identifier: Apache-2.0
// pressure_cpu: time for which some task of a cgroup, or of the system, waited for a CPU, in a window of 2 s
// (Documentation/accounting/psi.rst); the window is the limit: more cannot be. A look from outside reads
// avg10, the share of the last 10 s, and gives it as time in 2 s. "/" is the system (/proc/pressure/cpu);
// cgroup v1 has no pressure of its own.

#include "resource/shared/cgroups.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    return take_pressure(machine, "cpu", take);
}

}  // namespace

extern const Definition k_pressure_cpu;
const Definition k_pressure_cpu{
    .resource = {.name = "pressure_cpu",
                 .scope = Scope::cgroup,
                 .unit = Unit::time_ns,
                 .summary = "time in 2 s for which some task waited for a CPU",
                 .limited_by = "the window of 2 s",
                 .exactness = "an average of the last 10 s",
                 .facility = Facility::pressure},
    .read_all = read_all,
};

}  // namespace brink::resource
