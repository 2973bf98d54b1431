// SPDX-License-Identifier: Apache-2.0
#include "store/history_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <filesystem>
#include <fstream>

#include "../../support/scratch_folder.hpp"
#include "sample_entries.hpp"

namespace brink::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct HistoryReaderTest : testing::Test {
    test::ScratchFolder folder;
    HistoryOptions options{.path = folder / "events.db", .max_age = std::chrono::hours(0)};
    std::unique_ptr<History> history = std::move(History::open(options).value());

    void append(int first, int n) {
        ASSERT_TRUE(history->append(sample_entries(*history, first, n)));
    }
    HistoryReader reader() const { return std::move(HistoryReader::open(options.path).value()); }

    static std::vector<std::uint64_t> numbers(HistoryReader& reader, const HistoryQuery& query = {},
                                              std::uint64_t after = 0) {
        std::vector<std::uint64_t> found;
        const auto end = reader.read(query, after, [&](const HistoryRow& row) {
            found.push_back(row.number);
            return true;
        });
        EXPECT_TRUE(end);
        return found;
    }
    // The numbers, counted from 1, of those of the first `n` sample events for which `holds`.
    static std::vector<std::uint64_t> model(int n, const std::function<bool(const Event&)>& holds) {
        std::vector<std::uint64_t> found;
        for (int i = 0; i < n; ++i)
            if (holds(sample_event(i))) found.push_back(static_cast<std::uint64_t>(i) + 1);
        return found;
    }
};

TEST_F(HistoryReaderTest, FindsWhatHolds) {
    append(0, 40);
    HistoryReader found = reader();
    HistoryQuery query;
    query.since_ns = kBeginNs + 5'000'000'000;
    query.until_ns = kBeginNs + 30'000'000'000;
    EXPECT_EQ(numbers(found, query), model(40, [&](const Event& event) {
                  return event.time_ns >= *query.since_ns && event.time_ns < *query.until_ns;
              }));
    query.resources = {"as"};
    query.types = {EventType::crossing};
    EXPECT_EQ(numbers(found, query), model(40, [&](const Event& event) {
                  return event.time_ns >= *query.since_ns && event.time_ns < *query.until_ns &&
                         event.resource == "as" && event.type == EventType::crossing;
              }));
    query = {};
    query.pid = 1001;
    query.uid = 31;
    EXPECT_EQ(numbers(found, query),
              model(40, [](const Event& event) { return event.pid == 1001 && event.uid == 31U; }));
    query = {};
    query.comm = "leaky";
    query.unit_name = "web.service";
    EXPECT_EQ(numbers(found, query),
              model(40, [](const Event& event) { return event.comm == "leaky"; }));
}

TEST_F(HistoryReaderTest, ACgroupIsWithThoseBelowItOnly) {
    append(0, 10);
    HistoryReader found = reader();
    HistoryQuery query;
    query.cgroup = "/system.slice/web.service";
    EXPECT_THAT(numbers(found, query), ElementsAre(1, 3, 5, 7, 9));
    query.cgroup = "/system.slice";
    EXPECT_EQ(numbers(found, query).size(), 10U);
    query.cgroup = "/";
    EXPECT_EQ(numbers(found, query).size(), 10U);
    query.cgroup = "/system";
    EXPECT_THAT(numbers(found, query), IsEmpty());
}

TEST_F(HistoryReaderTest, TextIsNoSql) {
    append(0, 4);
    HistoryReader found = reader();
    HistoryQuery query;
    query.comm = "' OR 1 --";
    query.resources = {"x') OR (1"};
    EXPECT_THAT(numbers(found, query), IsEmpty());
}

TEST_F(HistoryReaderTest, TheLastOfThoseThatHold) {
    append(0, 2000);
    HistoryReader found = reader();
    HistoryQuery query;
    query.last = 3;
    EXPECT_THAT(numbers(found, query), ElementsAre(1998, 1999, 2000));
    query.types = {EventType::crossing};
    EXPECT_THAT(numbers(found, query), ElementsAre(1995, 1997, 1999));
    query.last = 5000;
    EXPECT_EQ(numbers(found, query).size(), 1000U);
}

TEST_F(HistoryReaderTest, ReadsOnFromWhereItWas) {
    append(0, 1300);
    HistoryReader found = reader();
    int taken = 0;
    auto end = found.read({}, 0, [&](const HistoryRow& row) {
        EXPECT_EQ(row.json, sample_line(taken));
        return ++taken < 700;
    });
    ASSERT_TRUE(end);
    EXPECT_EQ(*end, 700U);
    EXPECT_EQ(numbers(found, {}, *end).front(), 701U);
    EXPECT_EQ(numbers(found, {}, *end).size(), 600U);
    EXPECT_EQ(found.newest(), 1300U);
    EXPECT_EQ(found.missing(), 0U);
}

TEST_F(HistoryReaderTest, CountsWhatIsMissing) {
    append(0, 5);
    auto entries = sample_entries(*history, 5, 2);
    for (HistoryEntry& entry : entries) entry.number += 10;
    ASSERT_TRUE(history->append(entries));
    EXPECT_EQ(reader().missing(), 10U);
}

TEST_F(HistoryReaderTest, IsToldOfWhatComes) {
    HistoryReader found = reader();
    ASSERT_TRUE(found.follow());
    pollfd fd{found.fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&fd, 1, 0), 0);
    append(0, 3);
    EXPECT_EQ(::poll(&fd, 1, 0), 1);
    ASSERT_TRUE(found.take_news());
    EXPECT_EQ(::poll(&fd, 1, 0), 0);
    EXPECT_EQ(numbers(found).size(), 3U);
}

TEST_F(HistoryReaderTest, FollowsToANewFile) {
    append(0, 30);
    HistoryReader found = reader();
    ASSERT_TRUE(found.follow());
    history.reset();
    std::ofstream(options.path, std::ios::in) << "this is no header of SQLite";
    history = std::move(History::open(options).value());
    append(100, 2);
    ASSERT_TRUE(found.take_news());
    EXPECT_THAT(numbers(found, {}, 30), ElementsAre(31, 32));
}

TEST_F(HistoryReaderTest, SaysWhatIsWrongWithTheFile) {
    const auto absent = HistoryReader::open(folder / "none.db");
    ASSERT_FALSE(absent);
    EXPECT_THAT(absent.error().message, HasSubstr("none.db': No such file"));
    std::ofstream(folder / "text.db") << std::string(5000, 'x');
    const auto text = HistoryReader::open(folder / "text.db");
    ASSERT_FALSE(text);
    EXPECT_THAT(text.error().message, HasSubstr("not a database"));
    std::ofstream(folder / "empty.db");
    const auto empty = HistoryReader::open(folder / "empty.db");
    ASSERT_FALSE(empty);
    EXPECT_THAT(empty.error().message, HasSubstr("no history of this version"));
}

}  // namespace
}  // namespace brink::store
