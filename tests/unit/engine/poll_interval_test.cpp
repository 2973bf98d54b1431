// SPDX-License-Identifier: Apache-2.0
// The rule of the poll engine's interval.
#include "engine/poll_interval.hpp"

#include <gtest/gtest.h>

namespace brink::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kLate(1'000'000);
constexpr std::uint64_t kNone = ~std::uint64_t{0};

PollInterval fresh() { return {milliseconds(20), milliseconds(1000)}; }

// Of a subject that has been looked at long before, when it had another usage.
PollInterval interval(std::uint64_t usage) {
    PollInterval known = fresh();
    (void)known.next(seconds(0), usage + 1, 500, 1000);
    return known;
}

TEST(PollInterval, FarAndStillIsTheLongest) {
    EXPECT_EQ(interval(10).next(kLate + seconds(1), 10, 500, 1000), milliseconds(1000));
    EXPECT_EQ(interval(10).next(kLate + seconds(1), 10, kNone, 1000), milliseconds(1000));
    EXPECT_EQ(interval(10).next(kLate + seconds(1), 10, kNone, kNone), milliseconds(1000));
}

TEST(PollInterval, NearIsShorterInProportion) {
    EXPECT_EQ(interval(10).next(kLate + seconds(1), 10, 125, 1000), milliseconds(500));
    EXPECT_EQ(interval(10).next(kLate + seconds(1), 10, 25, 1000), milliseconds(100));
    EXPECT_EQ(interval(10).next(kLate + seconds(1), 10, 1, 1000), milliseconds(20));
    EXPECT_EQ(interval(10).next(kLate + seconds(1), 10, 0, 0), milliseconds(20));
}

// What has just begun is looked at often, and less and less so.
TEST(PollInterval, NewIsShorter) {
    PollInterval young = fresh();
    EXPECT_EQ(young.next(seconds(1), 10, 500, 1000), milliseconds(20));
    EXPECT_EQ(young.next(seconds(1) + milliseconds(60), 10, 500, 1000), milliseconds(20));
    EXPECT_EQ(young.next(seconds(1) + milliseconds(400), 10, 500, 1000), milliseconds(100));
    EXPECT_EQ(young.next(seconds(5), 10, 500, 1000), milliseconds(1000));
    EXPECT_EQ(fresh().next(seconds(1), 10, kNone, 1000), milliseconds(1000));
}

TEST(PollInterval, MovingFastIsShorter) {
    PollInterval moving = interval(0);
    (void)moving.next(kLate + seconds(1), 0, 1000, 2000);
    // 400 in a second, 600 to go: a quarter of the way takes 375 ms.
    EXPECT_EQ(moving.next(kLate + seconds(2), 400, 600, 2000), milliseconds(375));
    // The rate is halved after a still second.
    EXPECT_EQ(moving.next(kLate + seconds(3), 400, 600, 2000), milliseconds(750));
}

TEST(PollInterval, NeverOutsideItsBounds) {
    PollInterval moving = interval(0);
    (void)moving.next(kLate + seconds(1), 0, 1000, 2000);
    EXPECT_EQ(moving.next(kLate + seconds(1) + milliseconds(1), 999, 1, 2000), milliseconds(20));
    EXPECT_EQ(moving.next(kLate + seconds(1) + milliseconds(1), 999, 1, 2000), milliseconds(20));
    EXPECT_EQ(moving.next(seconds(0), 5, 1, 2000), milliseconds(20));  // a clock that went back
}

TEST(PollInterval, StandingStillNextToALevelGetsCheap) {
    PollInterval still = interval(900);
    EXPECT_EQ(still.next(kLate + seconds(1), 900, 10, 1000), milliseconds(40));
    EXPECT_EQ(still.next(kLate + seconds(2), 900, 10, 1000), milliseconds(80));
    EXPECT_EQ(still.next(kLate + seconds(61), 900, 10, 1000), milliseconds(1000));
    EXPECT_LE(still.next(kLate + seconds(62), 901, 9, 1000), milliseconds(40));
}

}  // namespace
}  // namespace brink::engine
