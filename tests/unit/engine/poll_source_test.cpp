// SPDX-License-Identifier: Apache-2.0
// The poll engine on real children: what it says and when.
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "poll_source_driver.hpp"

namespace brink::engine {
namespace {

TEST(PollSource, CrossesUpAndDown) {
    Source source;
    const ChildProcess child(step);
    const std::uint64_t level = usage_of(child) + 2;
    ASSERT_TRUE(source->bind(source.watch({level}), {.pid = child.pid()}));
    child.tell('o');
    child.tell('o');
    const brink_record record = source.next();
    EXPECT_EQ(record.type, static_cast<brink_u32>(BRINK_RECORD_CROSSING));
    EXPECT_EQ(record.usage, level);
    EXPECT_EQ(record.level, level);
    EXPECT_EQ(record.pid, static_cast<brink_u32>(child.pid()));
    EXPECT_EQ(record.ns_pid, record.pid);
    EXPECT_EQ(record.tid, 0U);
    EXPECT_EQ(record.ppid, static_cast<brink_u32>(::getpid()));
    EXPECT_EQ(record.uid, ::getuid());
    EXPECT_EQ(std::string(record.comm), kernel::Procfs().stat(child.pid())->comm);
    const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    EXPECT_EQ(record.start_time_ns / (1'000'000'000 / ticks),
              kernel::Procfs().stat(child.pid())->start_time);
    EXPECT_NE(record.flags & BRINK_RECORD_NAMED, 0U);
    child.tell('c');
    EXPECT_EQ(source.next_text(), down(level));
    child.tell('o');
    EXPECT_EQ(source.next_text(), up(level));
}

TEST(PollSource, InitialIsThereAtOnce) {
    Source source(std::chrono::seconds(60));
    const ChildProcess child(step);
    ASSERT_TRUE(source->bind(source.watch({1, 2}), {.pid = child.pid()}));
    pollfd waiting{source->fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&waiting, 1, 1000), 1);
    const std::string usage = std::to_string(usage_of(child));
    EXPECT_EQ(source.next_text(), "initial 1 @" + usage);
    EXPECT_EQ(source.next_text(), "initial 2 @" + usage);
}

TEST(PollSource, ExitGoesDownThenSaysSo) {
    Source source;
    ChildProcess child(step);
    ASSERT_TRUE(source->bind(source.watch({1, 2}), {.pid = child.pid()}));
    (void)source.next();
    (void)source.next();
    child.kill();
    EXPECT_EQ(source.next_text(), "crossing down 2 @0 by exit");
    EXPECT_EQ(source.next_text(), "crossing down 1 @0 by exit");
    EXPECT_EQ(source.next_text(), "exit");
    EXPECT_EQ(source->subjects(), 0U);
}

TEST(PollSource, SeesTheLimitChange) {
    Source source;
    const ChildProcess child(step);
    brink_watch half{};
    half.levels[0].form = BRINK_LEVEL_PERCENT;
    half.levels[0].value = 5000;
    half.n_levels = 1;
    half.flags = BRINK_WATCH_UP;
    ASSERT_TRUE(source->bind(source->add_watch(*find_resource("nofile"), half).value(),
                             {.pid = child.pid()}));
    child.tell('l');
    const brink_record record = source.next();
    EXPECT_EQ(record.type, static_cast<brink_u32>(BRINK_RECORD_LIMIT));
    EXPECT_EQ(record.limit, 64U);
    EXPECT_EQ(record.limit_hard, 64U);
    EXPECT_GT(record.old_limit, 64U);
    EXPECT_EQ(source.next_text(),
              "crossing up 4 @" + std::to_string(usage_of(child)) + " by limit");
}

TEST(PollSource, TwoWatchesAreIndependent) {
    Source source;
    const ChildProcess child(step);
    const std::uint64_t usage = usage_of(child);
    const std::uint32_t first = source.watch({usage + 1});
    const std::uint32_t second = source.watch({usage + 2});
    ASSERT_TRUE(source->bind(first, {.pid = child.pid()}));
    ASSERT_TRUE(source->bind(second, {.pid = child.pid()}));
    EXPECT_EQ(source->subjects(), 1U);
    child.tell('o');
    EXPECT_EQ(source.next().watch, first);
    child.tell('o');
    const brink_record record = source.next();
    EXPECT_EQ(record.watch, second);
    EXPECT_EQ(record.number, 0U);
}

TEST(PollSource, IsQuietWhileNothingIsWatched) {
    Source source;
    pollfd waiting{source->fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&waiting, 1, 100), 0);
    EXPECT_EQ(source->timeout_ms(), -1);
}

TEST(PollSource, ManyProcessesStayWithinBounds) {
    Source source;
    std::vector<std::unique_ptr<ChildProcess>> children;
    const std::uint32_t watch = source.watch({1});
    for (int i = 0; i < 100; ++i) {
        children.push_back(std::make_unique<ChildProcess>(step));
        ASSERT_TRUE(source->bind(watch, {.pid = children.back()->pid()}));
    }
    for (int i = 0; i < 100; ++i) EXPECT_EQ(source.next().type, BRINK_RECORD_INITIAL + 0U);
    children.clear();
    for (int i = 0; i < 200; ++i) EXPECT_NE(source.next().type, 0U);
    EXPECT_EQ(source->subjects(), 0U);
}

}  // namespace
}  // namespace brink::engine
