// SPDX-License-Identifier: Apache-2.0
#include "action_throttle.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brink::app {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

const ActionThrottle::TimePoint kStart{};

TEST(ActionThrottle, ASubjectCoolsDownFromEachActionByItself) {
    ActionThrottle throttle(minutes(5), 100);
    EXPECT_EQ(throttle.why_not(0, "a", kStart), "");
    EXPECT_EQ(throttle.why_not(0, "a", kStart + seconds(10)),
              "its cool-down is not over: 290 s are left");
    EXPECT_EQ(throttle.why_not(1, "a", kStart + seconds(10)), "");
    EXPECT_EQ(throttle.why_not(0, "b", kStart + seconds(10)), "");
    EXPECT_EQ(throttle.why_not(0, "a", kStart + minutes(5)), "");
    EXPECT_THAT(throttle.why_not(0, "a", kStart + minutes(9)), HasSubstr("60 s are left"));
}

TEST(ActionThrottle, ARuleActsSoOftenInAnyHour) {
    ActionThrottle throttle(seconds(0), 2);
    EXPECT_EQ(throttle.why_not(0, "a", kStart), "");
    EXPECT_EQ(throttle.why_not(0, "a", kStart + minutes(30)), "");
    EXPECT_THAT(throttle.why_not(0, "a", kStart + minutes(59)),
                HasSubstr("2 times within an hour"));
    EXPECT_EQ(throttle.why_not(0, "a", kStart + minutes(60)), "");
    EXPECT_THAT(throttle.why_not(0, "a", kStart + minutes(89)), HasSubstr("2 times"));
    EXPECT_EQ(throttle.why_not(0, "a", kStart + minutes(90)), "");
}

}  // namespace
}  // namespace brink::app
