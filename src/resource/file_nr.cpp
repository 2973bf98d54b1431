// SPDX-License-Identifier: Apache-2.0
// file_nr: open files (struct file) of the system against fs.file-max (Documentation/admin-
// guide/sysctl/fs.rst), from /proc/sys/fs/file-nr. The kernel counts per processor and adds up when it comes
// near the limit. Root may go beyond it.
#include <cerrno>

#include "resource/shared/system.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    return take_system(machine.proc_number("sys/fs/file-nr"),
                       machine.proc_number("sys/fs/file-max"), take);
}

}  // namespace

extern const Definition k_file_nr;
const Definition k_file_nr{
    .resource =
        {.name = "file_nr",
         .scope = Scope::system,
         .unit = Unit::count,
         .summary = "open files of the system",
         .limited_by = "fs.file-max",
         .denied_errno = ENFILE,
         .exactness =
             "a batch of 32 (with more processors, more) each: the kernel counts per processor"},
    .read_all = read_all,
};

}  // namespace brink::resource
