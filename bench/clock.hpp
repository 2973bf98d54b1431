// SPDX-License-Identifier: Apache-2.0
// The clock that all of the benchmark's programs read.
#pragma once

#include <time.h>

#include <cstdint>

namespace brink::bench {

inline std::int64_t now_ns(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

inline std::int64_t monotonic_ns() { return now_ns(CLOCK_MONOTONIC); }

}  // namespace brink::bench
