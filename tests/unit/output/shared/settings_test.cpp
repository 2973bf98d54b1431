// SPDX-License-Identifier: Apache-2.0
#include "output/shared/settings.hpp"

#include <gmock/gmock.h>

namespace brink::output {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Settings settings_with(const std::string& key, decltype(SettingValue::value) value) {
    return {"output.it", {"f", 1, 1}, {{key, {{"f", 2, 3}, std::move(value)}}}};
}

Endpoint endpoint_of(const std::string& text, bool right = true) {
    Settings settings = settings_with("address", text);
    Endpoint endpoint = settings.endpoint("address", 99);
    EXPECT_EQ(settings.finish().empty(), right) << text;
    return endpoint;
}

TEST(Settings, TakesAddressesApart) {
    EXPECT_EQ(endpoint_of("host:7").text(), "host:7");
    EXPECT_EQ(endpoint_of("host").text(), "host:99");
    EXPECT_EQ(endpoint_of("10.0.0.1:65535").text(), "10.0.0.1:65535");
    EXPECT_EQ(endpoint_of("[::1]:7").host, "::1");
    EXPECT_EQ(endpoint_of("[::1]:7").port, 7);
    EXPECT_EQ(endpoint_of("[::1]").text(), "[::1]:99");
    EXPECT_EQ(endpoint_of("fe80::1").text(), "[fe80::1]:99");
    for (const char* wrong : {"", ":7", "host:", "host:0", "host:65536", "host:7x", "[::1"})
        (void)endpoint_of(wrong, false);
}

TEST(Settings, AKeyThatNobodyAsksForIsWrong) {
    Settings settings = settings_with("prefxi", std::string("x"));
    EXPECT_EQ(settings.text("prefix", "brink"), "brink");
    EXPECT_THAT(
        settings.finish(),
        ElementsAre(
            "f:2:3: output.it: prefxi: there is no such setting; did you mean prefix? there are: "
            "prefix"));
}

TEST(Settings, KindsAndBounds) {
    Settings text = settings_with("n", std::string("5"));
    EXPECT_EQ(text.number("n", 1, 9, 7), 7U);
    EXPECT_THAT(text.finish(),
                ElementsAre("f:2:3: output.it: n: it has to be a number from 1 to 9"));
    for (const std::int64_t wrong : {-1L, 0L, 10L}) {
        Settings number = settings_with("n", wrong);
        EXPECT_EQ(number.number("n", 1, 9, 7), 7U);
        EXPECT_THAT(number.finish(), SizeIs(1));
    }
    Settings right = settings_with("n", std::int64_t{9});
    EXPECT_EQ(right.number("n", 1, 9, 7), 9U);
    EXPECT_THAT(right.finish(), IsEmpty());
}

TEST(Settings, Durations) {
    for (const auto& [text, ms] : {std::pair("1ms", 1), {"10s", 10'000}, {"24h", 86'400'000}}) {
        Settings settings = settings_with("t", std::string(text));
        EXPECT_EQ(settings.duration_ms("t", 5), ms);
        EXPECT_THAT(settings.finish(), IsEmpty());
    }
    for (const char* wrong : {"0s", "10us", "25h", "10", "x"}) {
        Settings settings = settings_with("t", std::string(wrong));
        EXPECT_EQ(settings.duration_ms("t", 5), 5);
        EXPECT_THAT(settings.finish(), SizeIs(1)) << wrong;
    }
    Settings zero = settings_with("t", std::string("0s"));
    EXPECT_EQ(zero.duration_ms("t", 5, true), 0);
    EXPECT_THAT(zero.finish(), IsEmpty());
}

TEST(Settings, WhatIsNotThereIsSaidAtTheTable) {
    Settings settings("output.it", {"f", 1, 1}, {});
    EXPECT_EQ(settings.required_text("url", "http://x"), "");
    EXPECT_THAT(
        settings.finish(),
        ElementsAre(
            "f:1:1: output.it: url: it has to be there; write, for example, url = \"http://x\""));
}

}  // namespace
}  // namespace brink::output
