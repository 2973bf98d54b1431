// SPDX-License-Identifier: Apache-2.0
// A straight line through the points (least squares). Where usage goes up and down, as it does around a level, a line says
// nothing: the share of the variation that it explains decides.
#include "store/time_to_limit.hpp"

#include <cmath>

namespace brink::store {
namespace {

constexpr std::size_t kMostPoints = 64;
constexpr double kLeastExplained = 0.5;
constexpr double kLongestNs = 10.0 * 365 * 24 * 3600 * 1e9;

struct Line {
    double per_ns = 0;
    double explained = 0;  // r squared
};

// Differences to the first point, so that doubles have digits to spare. REQUIRES: two points at different times.
Line fit(const std::deque<UsagePoint>& points) {
    double sum_t = 0, sum_u = 0, sum_tt = 0, sum_tu = 0, sum_uu = 0;
    const auto n = static_cast<double>(points.size());
    for (const UsagePoint& point : points) {
        const auto t = static_cast<double>(point.monotonic_ns - points.front().monotonic_ns);
        const auto u = static_cast<double>(point.usage) - static_cast<double>(points.front().usage);
        sum_t += t;
        sum_u += u;
        sum_tt += t * t;
        sum_tu += t * u;
        sum_uu += u * u;
    }
    const double var_t = sum_tt - sum_t * sum_t / n;
    const double var_u = sum_uu - sum_u * sum_u / n;
    const double common = sum_tu - sum_t * sum_u / n;
    if (var_t <= 0 || var_u <= 0) return {};
    return {common / var_t, common * common / (var_t * var_u)};
}

Forecast no(std::string why, double per_second = 0) { return {per_second, {}, std::move(why)}; }

}  // namespace

void TimeToLimit::add(const UsagePoint& point) {
    // Several levels that one operation crossed are one point.
    if (!points_.empty() && point.monotonic_ns <= points_.back().monotonic_ns)
        points_.back() = {points_.back().monotonic_ns, point.usage, point.limit};
    else
        points_.push_back(point);
    if (points_.size() > kMostPoints) points_.pop_front();
    ended_ = false;
}

Forecast TimeToLimit::forecast() const {
    if (ended_) return no("the subject has ended");
    if (points_.size() < 2) return no("its usage is known at one moment only");
    const UsagePoint& now = points_.back();
    if (!now.limit) return no("there is no limit");
    if (now.usage >= *now.limit) return no("the limit is reached");
    const Line line = fit(points_);
    const double per_second = line.per_ns * 1e9;
    if (line.per_ns <= 0) return no("usage does not grow", per_second);
    if (line.explained < kLeastExplained) return no("usage goes up and down", per_second);
    const double left_ns = static_cast<double>(*now.limit - now.usage) / line.per_ns;
    if (left_ns > kLongestNs) return no("at this rate it takes more than ten years", per_second);
    return {per_second, static_cast<std::uint64_t>(std::llround(left_ns)), {}};
}

}  // namespace brink::store
