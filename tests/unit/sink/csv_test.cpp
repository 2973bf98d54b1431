// SPDX-License-Identifier: Apache-2.0
#include "sink/csv.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "sample_events.hpp"

namespace brink::sink {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

TEST(Csv, ALineHasAColumnForEachName) {
    const std::string header = csv_header();
    const auto commas = std::count(header.begin(), header.end(), ',');
    for (const Event& event : sample_events()) {
        const std::string line = to_csv(event);
        EXPECT_EQ(std::count(line.begin(), line.end(), ','), commas) << line;
        EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
    }
}

TEST(Csv, ACrossing) {
    EXPECT_EQ(to_csv(crossing(1, Direction::up, 820)),
              "2026-11-20T09:29:59.123456789Z,crossing,nofile,process,up,820,80%,,820,1024,4096,,1,"
              "1234,1234,1,7934,leaky,/usr/bin/leaky,1000,,/system.slice/leaky.service,"
              "leaky.service,,kernel,,web1,,,,,,,\n");
}

TEST(Csv, TextIsQuotedWhereItMust) {
    Event event = crossing(1, Direction::down, 5);
    event.comm = "a,\"b\"\n\xff";
    EXPECT_THAT(to_csv(event), HasSubstr(",\"a,\"\"b\"\"\n\xef\xbf\xbd\","));
}

TEST(Csv, WhatIsUnlimitedAndWhatWasRefused) {
    Event event = subject_event(EventType::denied, 1);
    event.limit = {};
    event.error = EMFILE;
    EXPECT_THAT(to_csv(event), HasSubstr(",unlimited,"));
    EXPECT_THAT(to_csv(event), EndsWith(",EMFILE,,,,,,\n"));
}

}  // namespace
}  // namespace brink::sink
