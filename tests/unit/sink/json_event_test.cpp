// SPDX-License-Identifier: Apache-2.0
#include "sink/json_event.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "sample_events.hpp"
#include "sink/json.hpp"

namespace brink::sink {
namespace {

using testing::HasSubstr;

TEST(JsonEvent, WhatWasWrittenIsReadAgain) {
    for (const Event& event : sample_events()) {
        const std::string line = to_json(event);
        const auto read = event_from_json(line);
        ASSERT_TRUE(read) << read.error().message;
        EXPECT_EQ(to_json(*read), line);
    }
}

RC_GTEST_PROP(JsonEvent, AnyTimeAndNumbers, (std::int64_t time_ns, std::uint64_t usage)) {
    Event event = crossing(1, Direction::down, usage);
    event.time_ns = time_ns;
    const auto read = event_from_json(to_json(event));
    RC_ASSERT(read.has_value());
    RC_ASSERT(read->time_ns == time_ns);
    RC_ASSERT(read->usage == usage);
}

TEST(JsonEvent, UnknownFieldsAreIgnored) {
    const auto read = event_from_json(
        R"({"type":"lost","time":"1970-01-01T00:00:01.000000000Z","lost":5,"new":{"a":[1]}})");
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->lost, 5U);
    EXPECT_EQ(read->time_ns, 1'000'000'000);
}

std::string complaint_about(std::string_view line) {
    const auto read = event_from_json(line);
    return read ? "none" : read.error().message;
}

TEST(JsonEvent, SaysWhatIsWrong) {
    const std::string time = R"("time":"1970-01-01T00:00:01.000000000Z")";
    EXPECT_THAT(complaint_about(""), HasSubstr("'' is no event"));
    EXPECT_THAT(complaint_about("[1]"), HasSubstr("no event"));
    EXPECT_THAT(complaint_about("{" + time + "}"), HasSubstr("type"));
    EXPECT_THAT(complaint_about(R"({"type":"x",)" + time + "}"), HasSubstr("type x is unknown"));
    EXPECT_THAT(complaint_about(R"({"type":"lost","time":"yesterday"})"),
                HasSubstr("time is malformed"));
    EXPECT_THAT(complaint_about(R"({"type":"lost","time":"9999-01-01T00:00:01.000000000Z"})"),
                HasSubstr("time is malformed"));
    EXPECT_THAT(complaint_about(R"({"type":"lost","pid":"x",)" + time + "}"),
                HasSubstr("must be number"));
}

}  // namespace
}  // namespace brink::sink
