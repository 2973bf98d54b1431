// SPDX-License-Identifier: Apache-2.0
// fsize: size of a file that a process writes or truncates to, against RLIMIT_FSIZE (getrlimit(2)). There is
// no usage between two writes: each write is held against the limit for itself. Beyond it the write fails with
// EFBIG and the thread gets SIGXFSZ.
#include <cerrno>

#include "resource/table.hpp"

namespace brink::resource {

extern const Definition k_fsize;
const Definition k_fsize{
    .resource =
        {.name = "fsize",
         .scope = Scope::process,
         .unit = Unit::bytes,
         .summary = "size that a process writes a file to",
         .limited_by = "RLIMIT_FSIZE",
         .denied_errno = EFBIG,
         .exactness = "exact",
         .unreadable =
             "there is no usage between two writes: each is compared with the limit for itself"},
};

}  // namespace brink::resource
