// SPDX-License-Identifier: Apache-2.0
// as: address space of a process against RLIMIT_AS (getrlimit(2)). The kernel keeps it as mm->total_vm, in
// pages; VmSize in /proc/PID/status (fs/proc/task_mmu.c) is that number.
#include <sys/resource.h>

#include <cerrno>

#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<Reading> read(const kernel::ProcessFiles& process) {
    return against_rlimit(process, process.address_space(), RLIMIT_AS);
}

}  // namespace

extern const Definition k_as;
const Definition k_as{
    .resource = {.name = "as",
                 .scope = Scope::process,
                 .unit = Unit::bytes,
                 .summary = "address space of a process",
                 .limited_by = "RLIMIT_AS",
                 .denied_errno = ENOMEM,
                 .exactness = "exact",
                 .hooked = Hooked::address_space,
                 .evidence = true},
    .read_process = read,
};

}  // namespace brink::resource
