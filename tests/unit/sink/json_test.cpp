// SPDX-License-Identifier: Apache-2.0
#include "sink/json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "sample_events.hpp"

namespace brink::sink {
namespace {

using nlohmann::ordered_json;
using testing::HasSubstr;
using testing::Not;

TEST(Json, HasTheFieldsOfTheContractInTheirOrder) {
    EXPECT_EQ(to_json(crossing(17, Direction::up, 820)),
              R"({"type":"crossing","time":"2026-11-20T09:29:59.123456789Z",)"
              R"("monotonic_ns":81234567890,"seq":17,"resource":"nofile","scope":"process",)"
              R"("direction":"up","level":820,"level_as":"80%","usage":820,"limit":1024,)"
              R"("limit_hard":4096,"unit":"1","pid":1234,"tid":1234,"ppid":1,"start_time":7934,)"
              R"("comm":"leaky","exe":"/usr/bin/leaky","uid":1000,)"
              R"("cgroup":"/system.slice/leaky.service","unit_name":"leaky.service",)"
              R"("engine":"kernel","watch":3,"host":"web1",)"
              R"("boot_id":"0b2c5a3e-1f0d-4c7a-9a59-3f1d2e4b5c6d"})");
}

TEST(Json, LeavesOutWhatDoesNotApply) {
    Event event;
    event.type = EventType::lost;
    event.seq = 1;
    event.lost = 5;
    EXPECT_EQ(to_json(event),
              R"({"type":"lost","time":"1970-01-01T00:00:00.000000000Z","monotonic_ns":0,)"
              R"("seq":1,"lost":5})");
}

TEST(Json, UnlimitedIsNullAndNoLimitIsNothing) {
    Event event;
    EXPECT_THAT(to_json(event), Not(HasSubstr("limit")));
    event.has_limit = true;
    EXPECT_THAT(to_json(event), HasSubstr(R"("limit":null)"));
    event.limit = 0;
    EXPECT_THAT(to_json(event), HasSubstr(R"("limit":0)"));
    EXPECT_THAT(to_json(event), Not(HasSubstr("limit_hard")));
}

TEST(Json, SaysErrnoByNumberAndName) {
    Event event = subject_event(EventType::denied, 1);
    event.error = EMFILE;
    EXPECT_THAT(to_json(event), HasSubstr(R"("errno":24,"error":"EMFILE")"));
    event.error = 4000;
    EXPECT_THAT(to_json(event), HasSubstr(R"("errno":4000})"));
}

TEST(Json, CarriesEvidence) {
    Event event = crossing(1, Direction::up, 820);
    event.evidence = sample_evidence();
    const auto evidence = ordered_json::parse(to_json(event)).at("evidence");
    EXPECT_EQ(evidence.at("total"), 205);
    EXPECT_EQ(evidence.at("omitted"), 1);
    ASSERT_EQ(evidence.at("items").size(), 4U);
    EXPECT_EQ(evidence.at("items")[2].dump(), R"({"kind":"pipe","count":15})");
    ASSERT_EQ(evidence.at("stack").size(), 4U);
    EXPECT_EQ(evidence.at("stack")[0].at("source"), "leaky.cpp:42");
    EXPECT_EQ(evidence.at("stack")[2].dump(),
              R"({"address":139637976731648,"module":"/usr/lib/libc.so.6","offset":160202})");
    EXPECT_EQ(evidence.at("stack")[3].dump(), R"({"address":3735928559})");
    EXPECT_FALSE(evidence.contains("unavailable"));
}

TEST(Json, WritesTimesBeforeTheEpoch) {
    EXPECT_EQ(utc_time(-1), "1969-12-31T23:59:59.999999999Z");
    EXPECT_EQ(utc_time(-1'000'000'000), "1969-12-31T23:59:59.000000000Z");
    EXPECT_EQ(utc_time(INT64_MAX), "2262-04-11T23:47:16.854775807Z");
}

TEST(Json, NamesSubjectsThatAreNoProcess) {
    const std::vector<Event> events = shared_events();
    EXPECT_THAT(to_json(events[0]),
                HasSubstr(R"("unit":"1","uid":1000,"user_namespace":4026532201,"engine")"));
    EXPECT_THAT(to_json(events[2]),
                HasSubstr(R"("pid":1234,"tid":1234,"comm":"leaky","uid":1000,)"
                          R"("cgroup":"/system.slice/leaky.service","unit_name":"leaky.service")"));
    EXPECT_THAT(to_json(events[3]),
                HasSubstr(R"("pid":1234,"comm":"leaky","target":"tcp 0.0.0.0:80","engine")"));
    EXPECT_THAT(to_json(events[5]), HasSubstr(R"("unit":"1","engine")"));
    EXPECT_THAT(to_json(events[6]), HasSubstr(R"("times":3,"reason":"oom_kill")"));
    EXPECT_THAT(to_json(events[6]), Not(HasSubstr("errno")));
}

TEST(Json, NamesEveryType) {
    for (const Event& event : sample_events()) EXPECT_NE(type_name(event.type), "");
}

// Not a check by itself: test unit.event_schema holds the file against the schema.
TEST(Json, WritesSamplesForTheSchema) {
    std::filesystem::create_directory("event_samples");
    std::ofstream file("event_samples/unit.jsonl");
    for (const Event& event : sample_events()) file << to_json(event) << '\n';
    for (const Event& event : shared_events()) file << to_json(event) << '\n';
    ASSERT_TRUE(file.flush());
}

RC_GTEST_PROP(JsonProperty, AnyBytesGiveOneValidLine, (std::string comm, std::string target)) {
    Event event = crossing(1, Direction::up, 1);
    event.comm = comm;
    event.evidence = sample_evidence();
    event.evidence->items[0].target = target;
    const std::string line = to_json(event);
    RC_ASSERT(line.find('\n') == std::string::npos);
    const auto parsed = ordered_json::parse(line);  // throws on invalid JSON or UTF-8
    const bool plain = comm.find_first_of("\x80\xff") == std::string::npos;
    if (plain && parsed.contains("comm") &&
        std::all_of(comm.begin(), comm.end(), [](char c) { return c >= 0; }))
        RC_ASSERT(parsed["comm"] == comm);
    RC_ASSERT(parsed.contains("comm") == !comm.empty());
}

RC_GTEST_PROP(JsonProperty, NumbersAreExact, (std::uint64_t usage, std::uint64_t level)) {
    Event event = crossing(1, Direction::down, usage);
    event.level = level;
    const auto parsed = ordered_json::parse(to_json(event));
    RC_ASSERT(parsed["usage"] == usage);
    RC_ASSERT(parsed["level"] == level);
}

}  // namespace
}  // namespace brink::sink
