// SPDX-License-Identifier: Apache-2.0
// The engine `timer`: CPU time, against the kernel's own clock of the process, the one that its limit is compared with.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <csignal>
#include <memory>

#include "../../support/child_process.hpp"
#include "engine/poll_source.hpp"
#include "record_reader.hpp"

namespace brink::engine {
namespace {

using namespace std::chrono_literals;
using test::ChildProcess;

// 'b' burns 100 ms of CPU time more, 'f' has a child that burns 100 ms and stays, 'l' lowers the limit to 2 s.
constexpr std::uint64_t kMs = 1'000'000;

std::uint64_t time_of(pid_t pid) {
    timespec now{};
    ::clock_gettime(static_cast<clockid_t>(~static_cast<unsigned>(pid) << 3), &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1000 * kMs +
           static_cast<std::uint64_t>(now.tv_nsec);
}
void burn() {
    const std::uint64_t began = time_of(::getpid());
    while (time_of(::getpid()) < began + 100 * kMs) {
    }
}
void step(char letter) {
    const rlimit limit{2, 4};
    switch (letter) {
        case 'b': burn(); break;
        case 'f':
            if (::fork() == 0) {
                ::prctl(PR_SET_PDEATHSIG, SIGKILL);
                burn();
                for (;;) ::pause();
            }
            break;
        case 'l': ::setrlimit(RLIMIT_CPU, &limit); break;
        default: break;
    }
}

class CpuTime : public testing::Test {
  protected:
    CpuTime() : child_(step) {
        auto made = PollSource::with_timers({2ms, 10ms});
        if (!made) throw std::runtime_error(made.error().message);
        source_ = std::move(*made);
        reader_ = std::make_unique<RecordReader>(*source_);
    }
    std::uint32_t watch(std::initializer_list<std::uint64_t> levels_ns, std::uint32_t flags = 0) {
        brink_watch made{};
        for (const std::uint64_t value : levels_ns) made.levels[made.n_levels++].value = value;
        made.flags = BRINK_WATCH_UP | BRINK_WATCH_DOWN | flags;
        return source_->add_watch(*find_resource("cpu"), made).value();
    }

    ChildProcess child_;
    std::unique_ptr<PollSource> source_;
    std::unique_ptr<RecordReader> reader_;
};

TEST_F(CpuTime, ALevelIsHeardOfWhenItIsReachedAndNotBefore) {
    ASSERT_TRUE(source_->bind(watch({80 * kMs, 150 * kMs}), {.pid = child_.pid()}));
    child_.tell('b');
    const brink_record first = reader_->next();
    EXPECT_EQ(first.level, 80 * kMs);
    EXPECT_GE(first.usage, 80 * kMs);
    EXPECT_LE(first.usage, time_of(child_.pid()));
    EXPECT_EQ(source_->engine_of(first.tally), "timer");
    EXPECT_EQ(reader_->next(30ms).type, 0U) << "it has not burnt 150 ms";
    child_.tell('b');
    const brink_record second = reader_->next();
    EXPECT_EQ(second.level, 150 * kMs);
    EXPECT_GE(second.usage, 150 * kMs);
    EXPECT_LE(second.usage, time_of(child_.pid()));
}

TEST_F(CpuTime, WhatHasBeenReachedIsInitial) {
    child_.tell('b');
    ASSERT_TRUE(source_->bind(watch({50 * kMs, 10'000 * kMs}), {.pid = child_.pid()}));
    const brink_record record = reader_->next();
    EXPECT_EQ(record.type, std::uint32_t{BRINK_RECORD_INITIAL});
    EXPECT_EQ(record.level, 50 * kMs);
    child_.end();
    EXPECT_EQ(reader_->next_text(), "crossing down 50000000 @0 by exit");
    EXPECT_EQ(reader_->next_text(), "exit");
}

TEST_F(CpuTime, ChildrenHaveAClockOfTheirOwn) {
    ASSERT_TRUE(source_->bind(watch({60 * kMs}, BRINK_WATCH_INHERIT), {.pid = child_.pid()}));
    child_.tell('f');
    const brink_record record = reader_->next();
    EXPECT_EQ(record.level, 60 * kMs);
    EXPECT_NE(record.pid, static_cast<std::uint32_t>(child_.pid()));
    EXPECT_LT(time_of(child_.pid()), 60 * kMs);
}

// 5 % of 2 s, of which nothing was known when the timer was set.
TEST_F(CpuTime, ALimitIsReadAgainAfterASecondOfCpuTime) {
    brink_watch made{};
    made.n_levels = 1;
    made.levels[0] = {.value = 5000,
                      .form = BRINK_LEVEL_PERCENT,
                      .signal_up = 0,
                      .signal_down = 0,
                      .flags = 0,
                      .reserved = 0};
    made.flags = BRINK_WATCH_UP;
    const auto number = source_->add_watch(*find_resource("cpu"), made).value();
    ASSERT_TRUE(source_->bind(number, {.pid = child_.pid()}));
    child_.tell('l');
    for (int i = 0; i < 12; ++i) child_.tell('b');
    EXPECT_EQ(reader_->next_text(), "limit");
    const brink_record record = reader_->next();
    EXPECT_EQ(record.level, 100 * kMs);
    EXPECT_EQ(record.limit, 2000 * kMs);
    EXPECT_EQ(record.cause, BRINK_CAUSE_OPERATION);
}

// No wake-up at all, where there are no children to look for.
TEST_F(CpuTime, WhatDoesNotRunIsNotLookedAt) {
    ASSERT_TRUE(source_->bind(watch({10'000 * kMs}), {.pid = child_.pid()}));
    pollfd waiting{source_->fd(), POLLIN, 0};
    source_->read([](const brink_record&, const brink_stack_record*) {});
    EXPECT_EQ(::poll(&waiting, 1, 100), 0);
}

TEST_F(CpuTime, AThreadIsPolled) {
    ASSERT_TRUE(source_->bind(watch({50 * kMs}), {.pid = child_.pid(), .thread = true}));
    child_.tell('b');
    const brink_record record = reader_->next();
    EXPECT_EQ(record.level, 50 * kMs);
    EXPECT_EQ(source_->engine_of(record.tally), "poll");
}

}  // namespace
}  // namespace brink::engine
