// SPDX-License-Identifier: Apache-2.0
// rss: resident memory of a process against RLIMIT_RSS, which Linux has not enforced since 2.4.30
// (getrlimit(2)): a level in bytes is what makes sense here. The kernel counts in batches of its own, and
// VmRSS in /proc/PID/status is the sum without what is still in them.
#include <sys/resource.h>

#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<Reading> read(const kernel::ProcessFiles& process) {
    return against_rlimit(process, process.resident(), RLIMIT_RSS);
}

}  // namespace

extern const Definition k_rss;
const Definition k_rss{
    .resource = {.name = "rss",
                 .scope = Scope::process,
                 .unit = Unit::bytes,
                 .summary = "resident memory of a process (RLIMIT_RSS: not enforced)",
                 .limited_by = "RLIMIT_RSS, not enforced",
                 .exactness = "64 pages a thread (before Linux 6.2) or a batch of 32 pages a "
                              "processor: the kernel counts in batches",
                 .hooked = Hooked::resident_memory,
                 .evidence = true},
    .read_process = read,
};

}  // namespace brink::resource
