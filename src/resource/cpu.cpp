// SPDX-License-Identifier: Apache-2.0
// cpu: CPU time of a process against RLIMIT_CPU (getrlimit(2)), in nanoseconds; the rlimit is in seconds. At the soft
// limit the kernel sends SIGXCPU and raises that limit by a second, so that the next signal comes a second later
// (check_process_timers()); at the hard one it sends SIGKILL. A level of 100% is therefore gone in the moment in
// which it is reached: take a lower one. The kernel looks when the timer ticks, and counts for this limit in whole ticks;
// what /proc shows, and is read from outside, is another clock (kernel/cpu_timer.hpp).
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
                 .exactness = "a clock tick: the kernel looks at it when the timer ticks",
                 .facility = Facility::cpu_timer},
    .read_process = read,
};

}  // namespace brink::resource
