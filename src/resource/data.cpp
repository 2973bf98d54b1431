// SPDX-License-Identifier: Apache-2.0
// data: data of a process against RLIMIT_DATA (getrlimit(2)): private writable mappings without the stack,
// since Linux 4.7. The kernel keeps it as mm->data_vm; VmData in /proc/PID/status is that number, the sixth
// number of statm is not: it has the stack as well.
#include <sys/resource.h>

#include <cerrno>

#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<Reading> read(const kernel::ProcessFiles& process) {
    auto reading = against_rlimit(process, process.data(), RLIMIT_DATA);
    // With a soft limit of 0 the kernel holds it to the hard one (may_expand_vm(), for Valgrind's sake).
    if (reading && reading->limit == 0) reading->limit = reading->limit_hard;
    return reading;
}

}  // namespace

extern const Definition k_data;
const Definition k_data{
    .resource = {.name = "data",
                 .scope = Scope::process,
                 .unit = Unit::bytes,
                 .summary = "private writable memory of a process, without stack",
                 .limited_by = "RLIMIT_DATA",
                 .denied_errno = ENOMEM,
                 .exactness = "exact",
                 .hooked = Hooked::data,
                 .evidence = true},
    .read_process = read,
};

}  // namespace brink::resource
