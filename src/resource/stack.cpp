// SPDX-License-Identifier: Apache-2.0
// stack: stack of a process against RLIMIT_STACK (getrlimit(2)): the mapping that grows when the first thread
// needs it. Beyond the limit the thread gets SIGSEGV; no system call fails. VmStk in /proc/PID/status is
// mm->stack_vm, all mappings that grow downwards: but for the stack itself these are rare.
#include <sys/resource.h>

#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<Reading> read(const kernel::ProcessFiles& process) {
    return against_rlimit(process, process.stack(), RLIMIT_STACK);
}

}  // namespace

extern const Definition k_stack;
const Definition k_stack{
    .resource = {.name = "stack",
                 .scope = Scope::process,
                 .unit = Unit::bytes,
                 .summary = "stack of the first thread of a process",
                 .limited_by = "RLIMIT_STACK",
                 .exactness = "what a program maps with MAP_GROWSDOWN is counted too, and from "
                              "Linux 6.6 on shadow stacks",
                 .hooked = Hooked::stack},
    .read_process = read,
};

}  // namespace brink::resource
