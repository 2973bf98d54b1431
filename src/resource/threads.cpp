// SPDX-License-Identifier: Apache-2.0
// threads: threads of a process: signal->nr_threads, "Threads" in /proc/PID/status. No limit holds one
// process's threads: RLIMIT_NPROC holds those of its user (nproc), pids.max those of its cgroup (pids),
// kernel.threads-max all (threads_max). A level in numbers is what makes sense here.
#include <cerrno>

#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<Reading> read(const kernel::ProcessFiles& process) {
    return process.threads().map([](std::uint64_t n) { return Reading{.usage = n}; });
}

}  // namespace

extern const Definition k_threads;
const Definition k_threads{
    .resource =
        {.name = "threads",
         .scope = Scope::process,
         .unit = Unit::count,
         .summary = "threads of a process",
         .limited_by = "nothing of its own: nproc, pids and threads_max hold it",
         .denied_errno = EAGAIN,
         .exactness =
             "exact; what comes and goes at the same time on two processors is seen together",
         .hooked = Hooked::threads,
         .evidence = true},
    .read_process = read,
};

}  // namespace brink::resource
