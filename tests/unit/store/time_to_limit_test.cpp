// SPDX-License-Identifier: Apache-2.0
#include "store/time_to_limit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

namespace brink::store {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

TimeToLimit of(std::initializer_list<UsagePoint> points) {
    TimeToLimit series;
    for (const UsagePoint& point : points) series.add(point);
    return series;
}

TEST(TimeToLimit, AStraightLeakIsForeseen) {
    const auto series = of({{100 * kSecond, 512, 1024}, {140 * kSecond, 820, 1024}});
    const Forecast forecast = series.forecast();
    ASSERT_TRUE(forecast.left_ns) << forecast.why_not;
    EXPECT_DOUBLE_EQ(forecast.per_second, 7.7);
    EXPECT_NEAR(static_cast<double>(*forecast.left_ns) / kSecond, 204 / 7.7, 1e-6);
    EXPECT_EQ(series.span_ns(), 40 * kSecond);
}

RC_GTEST_PROP(TimeToLimit, ItIsExactOnALine, ()) {
    const auto rate = *rc::gen::inRange<std::uint64_t>(1, 1'000'000);
    const auto n = *rc::gen::inRange<std::uint64_t>(2, 100);
    const auto start = *rc::gen::inRange<std::uint64_t>(0, 1'000'000);
    TimeToLimit series;
    for (std::uint64_t i = 0; i < n; ++i)
        series.add({(start + i) * kSecond, rate * i, rate * (n + 9)});
    const Forecast forecast = series.forecast();
    RC_ASSERT(forecast.left_ns.has_value());
    RC_ASSERT(std::abs(static_cast<double>(*forecast.left_ns) / kSecond - 10) < 1e-3);
}

TEST(TimeToLimit, SaysWhyItCannot) {
    EXPECT_EQ(of({{1, 5, 10}}).forecast().why_not, "its usage is known at one moment only");
    // Two levels that one operation has crossed.
    EXPECT_EQ(of({{1, 5, 10}, {1, 6, 10}}).forecast().why_not,
              "its usage is known at one moment only");
    EXPECT_EQ(of({{1, 5, {}}, {2, 6, {}}}).forecast().why_not, "there is no limit");
    EXPECT_EQ(of({{1, 5, 10}, {2, 10, 10}}).forecast().why_not, "the limit is reached");
    EXPECT_EQ(of({{1, 6, 10}, {2, 5, 10}}).forecast().why_not, "usage does not grow");
    EXPECT_EQ(of({{1, 6, 10}, {2, 6, 10}}).forecast().why_not, "usage does not grow");
    EXPECT_EQ(of({{1, 8, 10}, {2, 7, 10}, {3, 8, 10}, {4, 7, 10}, {5, 8, 10}}).forecast().why_not,
              "usage does not grow");
    EXPECT_EQ(of({{1, 7, 10}, {2, 8, 10}, {3, 7, 10}, {4, 8, 10}}).forecast().why_not,
              "usage goes up and down");
    EXPECT_EQ(of({{0, 1, ~0ULL}, {kSecond, 2, ~0ULL}}).forecast().why_not,
              "at this rate it takes more than ten years");
    TimeToLimit ended = of({{1, 5, 10}, {2, 6, 10}});
    ended.end();
    EXPECT_EQ(ended.forecast().why_not, "the subject has ended");
}

TEST(TimeToLimit, RemembersTheNewest) {
    TimeToLimit series;
    for (std::uint64_t i = 0; i < 1000; ++i) series.add({i * kSecond, i, 2000});
    EXPECT_EQ(series.points(), 64U);
    EXPECT_EQ(series.last().usage, 999U);
}

}  // namespace
}  // namespace brink::store
