// SPDX-License-Identifier: Apache-2.0
// The clock that all of the benchmark's programs read.
#pragma once

#include <time.h>

#include <cstdint>

namespace brink::bench {

inline std::int64_t monotonic_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

}  // namespace brink::bench
