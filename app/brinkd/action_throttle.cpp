// SPDX-License-Identifier: Apache-2.0
#include "action_throttle.hpp"

#include <fmt/format.h>

namespace brink::app {
namespace {

constexpr std::size_t kMostRemembered = 4096;

}  // namespace

std::string ActionThrottle::why_not(std::size_t action, const std::string& subject, TimePoint now) {
    forget(now);
    const std::pair key(action, subject);
    if (const auto last = last_.find(key); last != last_.end())
        return fmt::format(
            "its cool-down is not over: {} s are left",
            std::chrono::ceil<std::chrono::seconds>(last->second + cool_down_ - now).count());
    if (done_.size() >= max_per_hour_)
        return fmt::format("the rule has acted {} times within an hour, the most allowed",
                           done_.size());
    done_.push_back(now);
    if (last_.size() < kMostRemembered) last_[key] = now;
    return {};
}

void ActionThrottle::forget(TimePoint now) {
    while (!done_.empty() && now - done_.front() >= std::chrono::hours(1)) done_.pop_front();
    std::erase_if(last_, [&](const auto& entry) { return now - entry.second >= cool_down_; });
}

}  // namespace brink::app
