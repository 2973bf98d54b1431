// SPDX-License-Identifier: Apache-2.0
// threads_max: threads of the system against kernel.threads-max (Documentation/admin-guide/sysctl/kernel.rst):
// nr_threads, which /proc/loadavg shows.
#include <cerrno>

#include "resource/shared/system.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    return take_system(all_threads(machine), machine.proc_number("sys/kernel/threads-max"), take);
}

}  // namespace

extern const Definition k_threads_max;
const Definition k_threads_max{
    .resource = {.name = "threads_max",
                 .scope = Scope::system,
                 .unit = Unit::count,
                 .summary = "threads of the system",
                 .limited_by = "kernel.threads-max",
                 .denied_errno = EAGAIN,
                 .exactness = "exact"},
    .read_all = read_all,
};

}  // namespace brink::resource
