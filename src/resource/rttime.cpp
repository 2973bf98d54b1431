// SPDX-License-Identifier: Apache-2.0
// rttime: CPU time that a thread under SCHED_FIFO or SCHED_RR has used since it last blocked, against
// RLIMIT_RTTIME (getrlimit(2)). At the soft limit the kernel sends SIGXCPU. The count, task->rt.timeout, is
// shown nowhere, and the kernel counts only where the limit is finite.

#include "resource/table.hpp"

namespace brink::resource {

extern const Definition k_rttime;
const Definition k_rttime{
    .resource = {.name = "rttime",
                 .scope = Scope::process,
                 .unit = Unit::time_ns,
                 .summary = "CPU time of a real-time thread without a blocking call",
                 .limited_by = "RLIMIT_RTTIME",
                 .exactness = "a clock tick",
                 .unreadable = "the kernel shows the time since a thread last blocked nowhere"},
};

}  // namespace brink::resource
