// SPDX-License-Identifier: Apache-2.0
// The rule of restarts, with a clock of our own.
#include "action/restart.hpp"

#include <gtest/gtest.h>

namespace brink::action {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const RestartPolicy::TimePoint kStart{std::chrono::hours(1000)};

TEST(RestartPolicy, DelayDoublesUpToTheMost) {
    RestartPolicy policy({.max_per_hour = 100});
    std::vector<long> delays;
    for (int i = 0; i < 9; ++i) {
        policy.started(kStart + seconds(i));
        delays.push_back(policy.wanted(kStart + seconds(i)).delay.count() / 1000);
    }
    EXPECT_EQ(delays, (std::vector<long>{1, 2, 4, 8, 16, 32, 60, 60, 60}));
}

TEST(RestartPolicy, AStableRunForgives) {
    RestartPolicy policy({.max_per_hour = 100});
    policy.started(kStart);
    EXPECT_EQ(policy.wanted(kStart).delay, seconds(1));
    policy.started(kStart + seconds(1));
    EXPECT_EQ(policy.wanted(kStart + seconds(1) + minutes(5) - milliseconds(1)).delay, seconds(2));
    policy.started(kStart + minutes(6));
    EXPECT_EQ(policy.wanted(kStart + minutes(11)).delay, seconds(1));
    EXPECT_EQ(policy.wanted(kStart + minutes(11)).delay, seconds(1));
}

TEST(RestartPolicy, AtTheBoundItSaysSo) {
    RestartPolicy policy({.max_per_hour = 2});
    policy.started(kStart);
    EXPECT_TRUE(policy.wanted(kStart).restart);
    EXPECT_TRUE(policy.wanted(kStart + minutes(10)).restart);
    const RestartDecision refused = policy.wanted(kStart + minutes(59));
    EXPECT_FALSE(refused.restart);
    EXPECT_EQ(refused.reason, "restarts within an hour: 2, the most allowed: it is left running");
    EXPECT_TRUE(policy.wanted(kStart + minutes(60)).restart);
    EXPECT_FALSE(policy.wanted(kStart + minutes(61)).restart);
    EXPECT_TRUE(policy.wanted(kStart + minutes(70)).restart);
}

TEST(RestartPolicy, NoneAllowed) {
    RestartPolicy policy({.max_per_hour = 0});
    EXPECT_FALSE(policy.wanted(kStart).restart);
}

}  // namespace
}  // namespace brink::action
