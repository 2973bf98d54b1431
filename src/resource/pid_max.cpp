// SPDX-License-Identifier: Apache-2.0
// pid_max: process numbers in use against kernel.pid_max (Documentation/admin-guide/sysctl/kernel.rst). The
// kernel shows how many threads there are (/proc/loadavg), each of which has a number; numbers that only a
// process group or a session keeps are not in it.
#include <cerrno>

#include "resource/shared/system.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    return take_system(all_threads(machine), machine.proc_number("sys/kernel/pid_max"), take);
}

}  // namespace

extern const Definition k_pid_max;
const Definition k_pid_max{
    .resource = {.name = "pid_max",
                 .scope = Scope::system,
                 .unit = Unit::count,
                 .summary = "process numbers in use",
                 .limited_by = "kernel.pid_max",
                 .denied_errno = EAGAIN,
                 .exactness = "threads stand for numbers, those of the whole machine; once numbers "
                              "have gone round, 300 are kept for the start"},
    .read_all = read_all,
};

}  // namespace brink::resource
