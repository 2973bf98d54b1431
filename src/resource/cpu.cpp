// SPDX-License-Identifier: Apache-2.0
// cpu: CPU time of a process against RLIMIT_CPU (getrlimit(2)), in nanoseconds; the rlimit is in seconds. At
// the soft limit the kernel sends SIGXCPU, once a second, and at the hard one SIGKILL. The usage is the
// process's CPU clock (clock_getcpuclockid(3)); the kernel looks at it when the timer ticks.
#include <sys/resource.h>

#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<Reading> read(const kernel::ProcessFiles& process) {
    return against_rlimit(process, process.cpu_time_ns(), RLIMIT_CPU, 1'000'000'000);
}

}  // namespace

extern const Definition k_cpu;
const Definition k_cpu{
    .resource = {.name = "cpu",
                 .scope = Scope::process,
                 .unit = Unit::time_ns,
                 .summary = "CPU time of a process",
                 .limited_by = "RLIMIT_CPU",
                 .exactness = "a clock tick: the limit is checked by the timer"},
    .read_process = read,
};

}  // namespace brink::resource
