// SPDX-License-Identifier: Apache-2.0
// restart: when to start the command again, as a rule without side effects. Ending it first is
// process_tree_end.hpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <string>

namespace brink::action {

struct RestartOptions {
    std::chrono::milliseconds first_delay{1'000};
    std::chrono::milliseconds max_delay{60'000};
    /// A run this long is a success: the next delay is the first one again.
    std::chrono::milliseconds stable{300'000};
    /// Restarts within any hour; 0: never.
    std::size_t max_per_hour = 10;
};

struct RestartDecision {
    bool restart = false;
    std::chrono::milliseconds delay{0};  ///< between the end of the old run and the new one
    std::string reason;                  ///< why not, one sentence; empty if `restart`
};

/// Time comes from the caller, any monotonic clock.
class RestartPolicy {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;

    explicit RestartPolicy(const RestartOptions& options) : options_(options) {}

    /// The command was started (the first time, or again).
    void started(TimePoint now) { last_start_ = now; }

    /// A restart is wanted at `now`. A yes counts against the bound and doubles the next delay; a
    /// no changes nothing.
    [[nodiscard]] RestartDecision wanted(TimePoint now);

  private:
    RestartOptions options_;
    TimePoint last_start_{};
    std::chrono::milliseconds next_delay_{0};  ///< 0: the first
    std::deque<TimePoint> restarts_;           ///< of the last hour, at most max_per_hour
};

}  // namespace brink::action
