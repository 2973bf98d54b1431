// SPDX-License-Identifier: Apache-2.0
// The rule of restarts.
#include "action/restart.hpp"

#include <algorithm>

namespace brink::action {

RestartDecision RestartPolicy::wanted(TimePoint now) {
    while (!restarts_.empty() && now - restarts_.front() >= std::chrono::hours(1))
        restarts_.pop_front();
    if (restarts_.size() >= options_.max_per_hour)
        return {false,
                {},
                "restarts within an hour: " + std::to_string(restarts_.size()) +
                    ", the most allowed: it is left running"};
    if (next_delay_.count() == 0 || now - last_start_ >= options_.stable)
        next_delay_ = options_.first_delay;
    const auto delay = std::min(next_delay_, options_.max_delay);
    next_delay_ = std::min(delay * 2, options_.max_delay);
    restarts_.push_back(now);
    return {true, delay, ""};
}

}  // namespace brink::action
