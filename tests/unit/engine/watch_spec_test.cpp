// SPDX-License-Identifier: Apache-2.0
#include "engine/watch_spec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

namespace brink::engine {
namespace {

using testing::HasSubstr;

std::string error_of(std::string_view text) {
    const auto spec = parse_watch(text);
    return spec ? "" : spec.error().message;
}

TEST(WatchSpec, ReadsEveryFormOfLevel) {
    const auto spec = parse_watch("nofile=900,80%,-50,12.5%,99.999%");
    ASSERT_TRUE(spec);
    EXPECT_EQ(spec->resource->name, "nofile");
    ASSERT_EQ(spec->levels.size(), 5U);
    EXPECT_EQ(spec->levels[0].form, LevelForm::absolute);
    EXPECT_EQ(spec->levels[0].value, 900U);
    EXPECT_EQ(spec->levels[1].form, LevelForm::percent);
    EXPECT_EQ(spec->levels[1].value, 80'000U);
    EXPECT_EQ(spec->levels[2].form, LevelForm::below);
    EXPECT_EQ(spec->levels[2].value, 50U);
    EXPECT_EQ(spec->levels[3].value, 12'500U);
    EXPECT_EQ(spec->levels[4].value, 99'999U);
    EXPECT_EQ(spec->levels[3].text, "12.5%");
    EXPECT_EQ(spec->text, "nofile=900,80%,-50,12.5%,99.999%");
    EXPECT_TRUE(spec->up && spec->down && spec->inherit);
    EXPECT_FALSE(spec->rearm);
}

TEST(WatchSpec, ReadsLevelsInTheUnitOfTheResource) {
    EXPECT_EQ(parse_level("2G", Unit::bytes)->value, std::uint64_t{2} << 30);
    EXPECT_EQ(parse_level("-64K", Unit::bytes)->value, 65'536U);
    EXPECT_EQ(parse_level("30s", Unit::time_ns)->value, 30'000'000'000U);
    EXPECT_EQ(parse_level("-5ms", Unit::time_ns)->value, 5'000'000U);
    EXPECT_FALSE(parse_level("2G", Unit::count));
    EXPECT_FALSE(parse_level("30", Unit::time_ns));
    EXPECT_THAT(parse_level("2g", Unit::bytes).error().message, HasSubstr("512M"));
    EXPECT_THAT(parse_level("30", Unit::time_ns).error().message, HasSubstr("30s"));
}

TEST(WatchSpec, ReadsOptions) {
    const auto up = parse_watch("nofile=80%:up");
    EXPECT_TRUE(up->up && !up->down);
    EXPECT_TRUE(up->reports(Direction::up) && !up->reports(Direction::down));
    const auto down = parse_watch("nofile=80%:no-inherit:down");
    EXPECT_TRUE(!down->up && down->down && !down->inherit);
    const auto rearm = parse_watch("nofile=80%,90%:rearm=70%");
    EXPECT_EQ(rearm->rearm->value, 70'000U);
    EXPECT_EQ(rearm->rearm->text, "70%");
}

TEST(WatchSpec, RearmIsBelowEveryLevelOfItsForm) {
    EXPECT_EQ(error_of("nofile=80%,90%:rearm=79.999%"), "");
    EXPECT_EQ(error_of("nofile=100:rearm=99"), "");
    EXPECT_EQ(error_of("nofile=-50:rearm=-51"), "");
    EXPECT_EQ(error_of("nofile=80%,100:rearm=99"), "");
    EXPECT_EQ(error_of("nofile=80%:rearm=100000"), "");  // mixed forms: the limit decides
    for (const char* text :
         {"nofile=80%,90%:rearm=80%", "nofile=90%,80%:rearm=85%", "nofile=100:rearm=100",
          "nofile=-50:rearm=-50", "nofile=-50,-10:rearm=-20", "nofile=80%,100:rearm=100"})
        EXPECT_THAT(error_of(text), HasSubstr("is not below level")) << text;
}

TEST(WatchSpec, RefusesLevels) {
    for (const char* text : {"nofile=", "nofile=,80%", "nofile=80%,", "nofile=:up"})
        EXPECT_THAT(error_of(text), HasSubstr("a level is missing")) << text;
    for (const char* text :
         {"nofile=abc", "nofile=80 %", "nofile= 80%", "nofile=+5", "nofile=--5", "nofile=-",
          "nofile=%", "nofile=.5%", "nofile=5.%", "nofile=0.0001%", "nofile=-5%", "nofile=1e2",
          "nofile=80%%", "nofile=5.5", "nofile=0x10", "nofile=80%;90%"})
        EXPECT_THAT(error_of(text), HasSubstr("is malformed; write")) << text;
    EXPECT_THAT(error_of("nofile=8K"),
                HasSubstr(
                    "is malformed: this is a number of things, which takes no suffix; write"));
    for (const char* text :
         {"nofile=0%", "nofile=0.000%", "nofile=100.001%", "nofile=101%", "nofile=999999999999%"})
        EXPECT_THAT(error_of(text), HasSubstr("above 0 and at most 100")) << text;
    EXPECT_THAT(error_of("nofile=0"), HasSubstr("always reached"));
    EXPECT_THAT(error_of("nofile=18446744073709551616"), HasSubstr("too large"));
    EXPECT_THAT(error_of("nofile=-18446744073709551616"), HasSubstr("'-18446744073709551616'"));
    EXPECT_EQ(error_of("nofile=18446744073709551615"), "");
    EXPECT_EQ(error_of("nofile=100%,0.001%"), "");
}

TEST(WatchSpec, RefusesTheSameLevelTwice) {
    EXPECT_THAT(error_of("nofile=80%,80%"), HasSubstr("'80%' is there twice"));
    EXPECT_THAT(error_of("nofile=80%,80.0%"), HasSubstr("'80.0%' is the same as '80%'"));
    EXPECT_THAT(error_of("nofile=5,1,05"), HasSubstr("'05' is the same as '5'"));
    EXPECT_EQ(error_of("nofile=80%,80,-80"), "");
}

TEST(WatchSpec, TakesAsManyLevelsAsTheKernelSideHolds) {
    std::string text = "nofile=1";
    for (int i = 2; i <= BRINK_MAX_LEVELS; ++i) text += "," + std::to_string(i);
    EXPECT_EQ(error_of(text), "");
    EXPECT_THAT(error_of(text + ",100"), HasSubstr("more than 32 levels"));
}

TEST(WatchSpec, RefusesOptions) {
    EXPECT_THAT(error_of("nofile=80%:up:down"), HasSubstr("both directions are the default"));
    EXPECT_THAT(error_of("nofile=80%:up:up"), HasSubstr("there twice"));
    EXPECT_THAT(error_of("nofile=80%:rearm=5:rearm=4"), HasSubstr("there twice"));
    EXPECT_THAT(error_of("nofile=80%:rearm"), HasSubstr("has no level"));
    EXPECT_THAT(error_of("nofile=80%:rearm="), HasSubstr(":rearm: a level is missing"));
    EXPECT_THAT(error_of("nofile=80%:rearm=x"), HasSubstr("option :rearm: level 'x'"));
    EXPECT_THAT(error_of("nofile=80%:rerm=5"), HasSubstr("did you mean :rearm?"));
    EXPECT_THAT(error_of("nofile=80%:no-inhert"), HasSubstr("did you mean :no-inherit?"));
    EXPECT_THAT(error_of("nofile=80%:dwn"), HasSubstr("did you mean :down?"));
    EXPECT_THAT(error_of("nofile=80%:xyzzy"), HasSubstr("there are: :up, :down"));
    EXPECT_THAT(error_of("nofile=80%:"), HasSubstr("there is no option ':'"));
    EXPECT_THAT(error_of("nofile=80%::up"), HasSubstr("there is no option ':'"));
}

TEST(WatchSpec, RefusesResources) {
    EXPECT_THAT(error_of("nofle=80%"), HasSubstr("'nofle'; did you mean nofile?"));
    EXPECT_THAT(error_of("NOFILE=80%"), HasSubstr("there is no resource 'NOFILE'"));
    EXPECT_THAT(error_of("bananas=80%"), HasSubstr(", nofile, "));
    EXPECT_THAT(error_of(""), HasSubstr("the resource is missing"));
    EXPECT_THAT(error_of("=80%"), HasSubstr("the resource is missing"));
    EXPECT_THAT(error_of("80%"), HasSubstr("there is no resource '80%'"));
    EXPECT_THAT(error_of("nofile"), HasSubstr("write nofile=LEVEL"));
    EXPECT_THAT(error_of("nofile:rearm=80%"), HasSubstr("write nofile=LEVEL"));
}

TEST(WatchSpec, NamesWhatWasGivenSafely) {
    EXPECT_EQ(error_of("nofile=\x1b[2J\n").find('\n'), std::string::npos);
    EXPECT_THAT(error_of("nofile=\x1b[2J"), HasSubstr("watch 'nofile=\\x1b[2J'"));
    EXPECT_LT(error_of("nofile=" + std::string(100'000, '9')).size(), 400U);
}

rc::Gen<std::string> level_text() {
    const auto number = [](std::uint64_t low, std::uint64_t high) {
        return rc::gen::map(rc::gen::inRange(low, high),
                            [](std::uint64_t n) { return std::to_string(n); });
    };
    return rc::gen::oneOf(
        number(1, 1'000'000),
        rc::gen::map(number(0, 1'000'000), [](std::string text) { return "-" + text; }),
        rc::gen::map(rc::gen::inRange(1, 100'001), [](int thousandths) {
            std::string decimals = std::to_string(thousandths % 1000 + 1000).substr(1);
            return std::to_string(thousandths / 1000) + "." + decimals + "%";
        }));
}

RC_GTEST_PROP(WatchSpecProperty, WhatIsWrittenIsRead, (bool no_inherit)) {
    const auto levels =
        *rc::gen::resize(BRINK_MAX_LEVELS,
                         rc::gen::nonEmpty<std::set<std::string>>(
                             rc::gen::container<std::set<std::string>>(level_text())));
    const auto way = *rc::gen::element<std::string>("", ":up", ":down");
    std::string text = "nofile=";
    for (const std::string& level : levels) text += (text.ends_with('=') ? "" : ",") + level;
    text += way + (no_inherit ? ":no-inherit" : "");

    const auto spec = parse_watch(text);
    RC_PRE(levels.size() <= BRINK_MAX_LEVELS);
    RC_ASSERT(spec.has_value());
    RC_ASSERT(spec->up == (way != ":down"));
    RC_ASSERT(spec->down == (way != ":up"));
    RC_ASSERT(spec->inherit == !no_inherit);
    std::string again;
    for (const Level& level : spec->levels) again += (again.empty() ? "" : ",") + level.text;
    RC_ASSERT("nofile=" + again + way + (no_inherit ? ":no-inherit" : "") == text);
    for (const Level& level : spec->levels)
        RC_ASSERT(parse_level(level.text, Unit::count)->same_as(level));
}

RC_GTEST_PROP(WatchSpecProperty, AnyBytesGiveASpecOrOneCleanLine, (std::string bytes)) {
    const auto spec = parse_watch(*rc::gen::element<std::string>("", "nofile=", "nofile=9:") +
                                  bytes);
    if (spec) return;
    RC_ASSERT(spec.error().message.size() < 1000U);
    for (const char c : spec.error().message)
        RC_ASSERT(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

}  // namespace
}  // namespace brink::engine
