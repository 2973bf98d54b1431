// SPDX-License-Identifier: Apache-2.0
// wakeup_latency: how long a thread waits from being made runnable (sched_waking) until it has a processor (sched_switch).
// Each wake-up is a usage of its own: a level is crossed upwards by one that took as long, and downwards by the
// next of the same thread that took less. No limit holds it; a level in time is what makes sense here.
#include "resource/table.hpp"

namespace brink::resource {

extern const Definition k_wakeup_latency;
const Definition k_wakeup_latency{
    .resource = {.name = "wakeup_latency",
                 .scope = Scope::process,
                 .unit = Unit::time_ns,
                 .summary = "time from waking to running, of each thread",
                 .limited_by = "nothing",
                 .exactness = "each wake-up, as the scheduler's tracepoints say it",
                 .unreadable = "a latency is over when it could be read; brink watch hears of it",
                 .facility = Facility::wakeups},
};

}  // namespace brink::resource
