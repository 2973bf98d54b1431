// SPDX-License-Identifier: Apache-2.0
// ActionThrottle: whether an action of a rule may be done now: not again on one subject before its cool-down is over, and not
// more than so many in an hour. A rule without side effects; memory is bounded.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>

namespace brink::app {

class ActionThrottle {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;

    ActionThrottle(std::chrono::milliseconds cool_down, std::uint64_t max_per_hour)
        : cool_down_(cool_down), max_per_hour_(max_per_hour) {}

    /// Why action number `action` may not be done on `subject` at `now`, one sentence; empty if it may, which then counts.
    [[nodiscard]] std::string why_not(std::size_t action, const std::string& subject,
                                      TimePoint now);

  private:
    void forget(TimePoint now);

    std::chrono::milliseconds cool_down_;
    std::uint64_t max_per_hour_;
    std::map<std::pair<std::size_t, std::string>, TimePoint> last_;
    std::deque<TimePoint> done_;  // within the last hour
};

}  // namespace brink::app
