// SPDX-License-Identifier: Apache-2.0
// Wakeup: the moments of one wake-up by a timer, and the parts that they cut its latency into.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace brink::latency {

enum class Phase {
    irq_dispatch,   ///< the timer was due, until its handler began
    handler,        ///< until the handler had made the thread runnable
    scheduling,     ///< until the thread got a processor
    return_to_user  ///< until the program read the clock
};
inline constexpr std::size_t kPhases = 4;
inline constexpr std::array<std::string_view, kPhases> kPhaseNames{"irq_dispatch", "handler",
                                                                   "scheduling", "return_to_user"};

/// CLOCK_MONOTONIC, nanoseconds.
struct Wakeup {
    std::uint64_t expiry = 0;    ///< when the timer was due
    std::uint64_t handler = 0;   ///< its handler began
    std::uint64_t waking = 0;    ///< the thread became runnable
    std::uint64_t running = 0;   ///< it got a processor
    std::uint64_t returned = 0;  ///< the program read the clock
};

struct Parts {
    std::uint64_t whole = 0;
    std::array<std::uint64_t, kPhases> part{};  ///< by Phase; they add up to `whole` exactly
};

/// The clock of the kernel's tracepoints can differ from that of programs by some nanoseconds while it is being adjusted
/// (ktime_get_mono_fast_ns()): a moment that would lie before the one before it, or after the last, counts as there.
[[nodiscard]] inline Parts parts_of(const Wakeup& wakeup) {
    Parts parts;
    std::uint64_t last = wakeup.expiry;
    const std::uint64_t end = std::max(wakeup.returned, wakeup.expiry);
    const std::array<std::uint64_t, kPhases> ends{wakeup.handler, wakeup.waking, wakeup.running,
                                                  end};
    for (std::size_t i = 0; i < kPhases; ++i) {
        const std::uint64_t at = std::clamp(ends[i], last, end);
        parts.part[i] = at - last;
        last = at;
    }
    parts.whole = end - wakeup.expiry;
    return parts;
}

}  // namespace brink::latency
