// SPDX-License-Identifier: Apache-2.0
// Time to limit: from what is known of one subject's usage of one resource at some moments, how fast it grows and when it
// will have reached the limit; or why that cannot be said.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace brink::store {

/// Usage at a moment, as a crossing states it.
struct UsagePoint {
    std::uint64_t monotonic_ns = 0;
    std::uint64_t usage = 0;
    std::optional<std::uint64_t> limit;  ///< nullopt: unlimited
};

struct Forecast {
    double per_second = 0;  ///< growth, in the resource's unit
    /// From the last point to the limit, at that rate; nullopt: it cannot be said, `why_not` is the reason.
    std::optional<std::uint64_t> left_ns;
    std::string why_not;
};

/// The points of one subject and resource, the newest 64 of them. Order them by time; all are of one boot.
class TimeToLimit {
  public:
    void add(const UsagePoint& point);
    /// The subject has ended: there will be no more.
    void end() { ended_ = true; }

    [[nodiscard]] Forecast forecast() const;
    [[nodiscard]] std::size_t points() const { return points_.size(); }
    [[nodiscard]] const UsagePoint& last() const { return points_.back(); }
    [[nodiscard]] std::uint64_t span_ns() const {
        return points_.back().monotonic_ns - points_.front().monotonic_ns;
    }

  private:
    std::deque<UsagePoint> points_;
    bool ended_ = false;
};

}  // namespace brink::store
