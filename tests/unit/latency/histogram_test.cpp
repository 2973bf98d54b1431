// SPDX-License-Identifier: Apache-2.0
// Against sorted lists of the values themselves.
#include "latency/histogram.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>

namespace brink::latency {
namespace {

Histogram of(const std::vector<std::uint64_t>& values) {
    Histogram histogram;
    for (const std::uint64_t value : values) histogram.add(value);
    return histogram;
}

// Of every size, from nanoseconds to a minute.
rc::Gen<std::vector<std::uint64_t>> some_values() {
    return rc::gen::nonEmpty(rc::gen::container<std::vector<std::uint64_t>>(
        rc::gen::map(rc::gen::pair(rc::gen::inRange(0, 36), rc::gen::arbitrary<std::uint64_t>()),
                     [](const auto& pair) { return pair.second >> (63 - pair.first); })));
}

TEST(Histogram, EmptyHasNothing) {
    const Histogram empty;
    EXPECT_EQ(empty.count(), 0U);
    EXPECT_EQ(empty.min(), 0U);
    EXPECT_EQ(empty.percentile(50), 0U);
    EXPECT_TRUE(empty.steps().empty());
}

TEST(Histogram, BeyondItsRangeCountsAndMaximumAreRight) {
    const Histogram histogram = of({~std::uint64_t{0} >> 1, 5});
    EXPECT_EQ(histogram.count(), 2U);
    EXPECT_EQ(histogram.percentile(100), ~std::uint64_t{0} >> 1);
    EXPECT_EQ(histogram.percentile(50), 5U);
}

// 99.9 is no double: the next larger one times 1000 would be rank 1000 when rounded up.
TEST(Histogram, APercentileIsOfItsRankAndNotOfTheNext) {
    std::vector<std::uint64_t> values;
    for (std::uint64_t i = 1; i <= 1000; ++i) values.push_back(i < 1000 ? 100 : 1'000'000);
    EXPECT_EQ(of(values).percentile(99.9), 100U);
    EXPECT_EQ(of(values).percentile(99.99), 1'000'000U);
}

RC_GTEST_PROP(HistogramProperty, PercentilesAreOffByLessThanSaid, ()) {
    std::vector<std::uint64_t> values = *some_values();
    const Histogram histogram = of(values);
    std::sort(values.begin(), values.end());
    RC_ASSERT(histogram.count() == values.size());
    RC_ASSERT(histogram.min() == values.front());
    RC_ASSERT(histogram.max() == values.back());
    for (const double percent : {0.0, 10.0, 50.0, 90.0, 99.0, 99.9, 100.0}) {
        const auto thousandths = static_cast<std::size_t>(std::lround(percent * 1000));
        const std::size_t rank = (thousandths * values.size() + 99'999) / 100'000;
        const std::uint64_t exact = values[std::max<std::size_t>(rank, 1) - 1];
        const std::uint64_t read = histogram.percentile(percent);
        RC_ASSERT(read >= exact);
        RC_ASSERT(read - exact <= exact / Histogram::kStepsPerPower);
    }
}

RC_GTEST_PROP(HistogramProperty, StepsHoldEveryValueOnce, ()) {
    const std::vector<std::uint64_t> values = *some_values();
    std::uint64_t counted = 0, end = 0;
    for (const Histogram::Step& step : of(values).steps()) {
        RC_ASSERT(step.from >= end);
        RC_ASSERT(step.to > step.from);
        end = step.to;
        counted += step.count;
        const auto inside = std::count_if(values.begin(), values.end(), [&](std::uint64_t value) {
            return value >= step.from && value < step.to;
        });
        RC_ASSERT(step.count == static_cast<std::uint64_t>(inside));
    }
    RC_ASSERT(counted == values.size());
}

RC_GTEST_PROP(HistogramProperty, TogetherIsAsOne, ()) {
    const std::vector<std::uint64_t> first = *some_values(), second = *some_values();
    Histogram together = of(first);
    together.add(of(second));
    std::vector<std::uint64_t> all = first;
    all.insert(all.end(), second.begin(), second.end());
    const Histogram one = of(all).snapshot();
    RC_ASSERT(together.count() == one.count());
    RC_ASSERT(together.sum() == one.sum());
    RC_ASSERT(together.min() == one.min());
    RC_ASSERT(together.percentile(75) == one.percentile(75));
}

}  // namespace
}  // namespace brink::latency
