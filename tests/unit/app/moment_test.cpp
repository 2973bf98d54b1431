// SPDX-License-Identifier: Apache-2.0
#include "moment.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace brink::app {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kNow = 1'795'166'999 * kSecond;  // 2026-11-20T09:29:59Z, a Friday

struct MomentTest : testing::Test {
    MomentTest() {
        ::setenv("TZ", "Europe/Berlin", 1);
        ::tzset();
    }
    ~MomentTest() override {
        ::unsetenv("TZ");
        ::tzset();
    }
    static std::int64_t seconds(const char* text) {
        const auto moment = parse_moment("--since", text, kNow);
        return moment ? *moment / kSecond : -1;
    }
};

TEST_F(MomentTest, HowLongAgo) {
    EXPECT_EQ(parse_moment("--since", "250ms", kNow).value(), kNow - 250'000'000);
    EXPECT_EQ(seconds("2h"), 1'795'166'999 - 7200);
    EXPECT_EQ(seconds("7d"), 1'795'166'999 - 7 * 86'400);
}

// The seconds are those of date(1): date -d 'TZ="Europe/Berlin" 2026-11-20 09:30' +%s
TEST_F(MomentTest, DatesAreLocalUnlessTheySayZ) {
    EXPECT_EQ(seconds("2026-11-20"), 1'795'129'200);
    EXPECT_EQ(seconds("2026-11-20 09:30"), 1'795'163'400);
    EXPECT_EQ(seconds("2026-11-20T09:30:01"), 1'795'163'401);
    EXPECT_EQ(seconds("2026-11-20T09:30:01Z"), 1'795'167'001);
    EXPECT_EQ(seconds("2026-11-20Z"), 1'795'132'800);
    EXPECT_EQ(seconds("2026-07-01 12:00"), 1'782'900'000);  // in summer time
    EXPECT_EQ(seconds("@1795166999"), 1'795'166'999);
}

TEST_F(MomentTest, ATimeAloneIsToday) {
    EXPECT_EQ(seconds("09:30"), 1'795'163'400);
    EXPECT_EQ(seconds("09:30:15Z"), 1'795'167'015);
}

TEST_F(MomentTest, WhatIsNone) {
    for (const char* text : {"", "yesterday", "2026-02-30", "2026-13-01", "25:00", "2026-11-20 9",
                             "5", "-2h", "2h30m", "@x", "@99999999999999", "99999999999d"})
        EXPECT_EQ(seconds(text), -1) << text;
}

}  // namespace
}  // namespace brink::app
