// SPDX-License-Identifier: Apache-2.0
// How long the poll engine may look away from one subject.
//
// The rule: a quarter of the way to the nearest threshold must not pass unseen.
//  - moving: at the fastest rate seen of late, the time in which usage covers a quarter of the
//    distance; the rate is halved for each second without a faster one;
//  - near: `max` at a distance of a quarter of the limit or more, in proportion below that, and
//    stretched by one for each second in which nothing changed, so that a subject that stands
//    still next to a level does not cost for ever;
//  - new: a quarter of the time since the first look, because a program does most of what it does to its
//    limits when it begins;
// the shortest of the three, never outside min…max. With no threshold in reach: max.
#pragma once

#include <chrono>
#include <cstdint>

namespace brink::engine {

/// Clamped to 1 ms and more, and to min_interval <= max_interval.
struct PollOptions {
    std::chrono::milliseconds min_interval{20};
    std::chrono::milliseconds max_interval{1000};
};

class PollInterval {
  public:
    using Duration = std::chrono::nanoseconds;

    /// REQUIRES: 0 < min <= max.
    PollInterval(Duration min, Duration max) : min_(min), max_(max) {}
    explicit PollInterval(const PollOptions& options);

    [[nodiscard]] Duration min() const { return min_; }
    [[nodiscard]] Duration max() const { return max_; }

    /// Takes the usage seen at `now` (any monotonic clock) and answers when to look again.
    /// `distance`: units to the nearest threshold, ~0 if there is none. `limit`: of the usage, ~0
    /// if there is none, in which case the usage itself stands for the scale.
    Duration next(Duration now, std::uint64_t usage, std::uint64_t distance, std::uint64_t limit);

  private:
    Duration min_;
    Duration max_;
    Duration first_look_{0};
    Duration last_look_{-1};
    Duration last_change_{0};
    std::uint64_t last_usage_ = 0;
    double rate_ = 0;  ///< units per nanosecond
};

}  // namespace brink::engine
