// SPDX-License-Identifier: Apache-2.0
// Clocks, clock_gettime(2).
#pragma once

#include <time.h>

#include <cstdint>

namespace brink {

[[nodiscard]] inline std::int64_t clock_ns(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

[[nodiscard]] inline std::uint64_t monotonic_now_ns() {
    return static_cast<std::uint64_t>(clock_ns(CLOCK_MONOTONIC));
}

/// CLOCK_REALTIME at a moment of CLOCK_MONOTONIC, by the present distance of the two.
[[nodiscard]] inline std::int64_t realtime_of(std::uint64_t monotonic_ns) {
    return clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC) +
           static_cast<std::int64_t>(monotonic_ns);
}

}  // namespace brink
