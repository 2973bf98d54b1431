// SPDX-License-Identifier: Apache-2.0
// The limits of brink itself.
#pragma once

#include <sys/resource.h>

namespace brink {

/// Raises the soft limit on open files to the hard one: programs, maps and clients take descriptors.
inline void raise_own_limits() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace brink
