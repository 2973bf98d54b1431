// SPDX-License-Identifier: Apache-2.0
// nofile: open file descriptors of a process against RLIMIT_NOFILE (getrlimit(2)).
//
// Usage is the number of descriptors installed in the process's table; one that is reserved by an open(2)
// still under way does not count. The kernel keeps no such number: it keeps a bitmap (struct fdtable), so the
// hooks count (docs/adr/0001-counting.md). The kernel compares descriptor *numbers* with the limit, not the
// count: a process with holes in its table may be refused (EMFILE) later than the count suggests
// (docs/adr/0002-descriptors-not-numbers.md).
// Hooks: src/bpf/descriptor.bpf.c (kernel engine), src/bpf/syscall.bpf.c (tracepoint engine).
#include <sys/resource.h>

#include <cerrno>

#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<Reading> read(const kernel::ProcessFiles& process) {
    return against_rlimit(process, process.descriptors(), RLIMIT_NOFILE);
}

}  // namespace

extern const Definition k_nofile;
const Definition k_nofile{
    .resource = {.name = "nofile",
                 .scope = Scope::process,
                 .unit = Unit::count,
                 .summary = "open file descriptors of a process",
                 .limited_by = "RLIMIT_NOFILE",
                 .denied_errno = EMFILE,
                 .exactness = "exact",
                 .hooked = Hooked::descriptors,
                 .evidence = true},
    .read_process = read,
};

}  // namespace brink::resource
