// SPDX-License-Identifier: Apache-2.0
// The arithmetic of the rule in poll_interval.hpp.
#include "engine/poll_interval.hpp"

#include <algorithm>
#include <cmath>

namespace brink::engine {
namespace {

double seconds(PollInterval::Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

}  // namespace

PollInterval::PollInterval(const PollOptions& options)
    : min_(std::max(options.min_interval, std::chrono::milliseconds(1))),
      max_(std::max<Duration>(options.max_interval, min_)) {}

PollInterval::Duration PollInterval::next(Duration now, std::uint64_t usage, std::uint64_t distance,
                                          std::uint64_t limit) {
    if (last_look_ < Duration::zero()) {
        first_look_ = last_change_ = now;
    } else if (now > last_look_) {
        const auto moved = static_cast<double>(std::max(usage, last_usage_) -
                                               std::min(usage, last_usage_));
        const Duration passed = now - last_look_;
        rate_ = std::max(moved / static_cast<double>(passed.count()),
                         rate_ * std::exp2(-seconds(passed)));
        if (usage != last_usage_) last_change_ = now;
    }
    last_look_ = now;
    last_usage_ = usage;
    if (distance == ~std::uint64_t{0}) return max_;

    const bool limited = limit != ~std::uint64_t{0};
    const double scale = std::max(1.0, static_cast<double>(limited ? limit : usage + distance));
    const double way = static_cast<double>(distance);
    const double most = static_cast<double>(max_.count());
    const double still = 1 + seconds(now - last_change_);
    const double near = most * std::min(1.0, way / (scale / 4)) * still;
    const double moving = rate_ > 0 ? way / 4 / rate_ : most;
    const double known = static_cast<double>((now - first_look_).count()) / 4;
    const double wanted = std::min({near, moving, known, most});
    return std::max(min_, Duration(static_cast<Duration::rep>(wanted)));
}

}  // namespace brink::engine
