// SPDX-License-Identifier: Apache-2.0
// Threads and CLONE_FILES siblings that work on one table from two CPUs: directions alternate for each level, a level
// that is never reached is never reported, and every level between is crossed at least once a round.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <set>
#include <sstream>

#include "brink_process.hpp"

namespace brink::live {
namespace {

struct Bounds {
    int base = 0, bound = 0, final_count = 0;
};

Bounds bounds(const std::string& line) {
    Bounds found;
    EXPECT_EQ(std::sscanf(line.c_str(), "threads: base %d bound %d final %d", &found.base,
                          &found.bound, &found.final_count),
              3)
        << line;
    return found;
}

std::size_t crossings(const Events& events, const std::string& level,
                      const std::string& direction) {
    return static_cast<std::size_t>(
        std::count_if(events.begin(), events.end(), [&](const Event& event) {
            return type_of(event) == "crossing" && event.value("level_as", "") == level &&
                   event.value("direction", "") == direction;
        }));
}

// The base of `threads` under a pipe for each standard stream: those three, /proc/self/fd.
constexpr int kBase = 4;

std::vector<std::string> threads_command(std::vector<std::string> further) {
    std::vector<std::string> command = {work("threads"), "--threads", "4", "--each", "6",
                                        "--keep",        "2"};
    command.insert(command.end(), further.begin(), further.end());
    return command;
}

// Four threads of six each: never above 28 but for the marker, which passes 29 and 40 once a round.
const char* const kLevels = "nofile=10,16,22,28,29,40";

// Plays the rounds, each beginning when brink has told of the one before.
void play(BrinkRun& run, long rounds) {
    for (long round = 0; round < rounds; ++round) {
        ASSERT_EQ(run.child().take_line(), "round " + std::to_string(round)) << run.child().err();
        ASSERT_TRUE(eventually([&] {
            return run.occurrences("\"level_as\":\"40\"") >= 2 * (round + 1);
        })) << "brink has not told of round "
            << round;
        run.child().send("go on");
    }
}

void check_table(const Events& events, const Bounds& table, std::size_t rounds) {
    EXPECT_TRUE(of_type(events, "lost").empty()) << brief(of_type(events, "lost").front());
    check_alternation(events);
    EXPECT_EQ(table.base, kBase);
    EXPECT_EQ(table.bound, 28);
    for (const char* level : {"29", "40"}) {
        EXPECT_EQ(crossings(events, level, "up"), rounds)
            << "reached by the marker alone: " << level;
        EXPECT_EQ(crossings(events, level, "down"), rounds) << level;
    }
    for (const char* level : {"10", "16", "22", "28"}) {
        EXPECT_GE(crossings(events, level, "up"), rounds) << level;
        EXPECT_GE(crossings(events, level, "down"), rounds) << level;
    }
}

TEST(Threads, SharingATableOnTwoCpus) {
    const long rounds = scaled("BRINK_LIVE_ROUNDS", 100);
    RunOptions options;
    options.watches = {kLevels};
    options.child.soft_limit = 256;
    BrinkRun run(options, threads_command({"--operations", "300", "--marker", "40", "--rounds",
                                           std::to_string(rounds)}));
    const Bounds table = bounds(run.child().take_line());
    ASSERT_NO_FATAL_FAILURE(play(run, rounds));
    ASSERT_EQ(run.wait(), 0) << run.child().out();
    const Events events = run.events();
    check_stream(events, engine(), Operations::kOverlapping);
    check_table(events, table, static_cast<std::size_t>(rounds));
    // At the end twelve are open: level 10 goes down as the last, at exit, with nothing left.
    ASSERT_GE(events.size(), 2U);
    EXPECT_EQ(type_of(events.back()), "exit");
    EXPECT_EQ(events[events.size() - 2].value("level_as", ""), "10");
    EXPECT_EQ(number(events[events.size() - 2], "usage"), 0);
}

// A thread that unshared its table works in another one, far above the levels; what it does there is
// not this process's count.
TEST(Threads, AStrangerWithATableOfItsOwn) {
    const long rounds = scaled("BRINK_LIVE_ROUNDS", 100);
    RunOptions options;
    options.watches = {kLevels};
    options.child.soft_limit = 256;
    BrinkRun run(options, threads_command({"--operations", "300", "--marker", "40", "--rounds",
                                           std::to_string(rounds), "--stranger", "60"}));
    const Bounds table = bounds(run.child().take_line());
    ASSERT_NO_FATAL_FAILURE(play(run, rounds));
    ASSERT_EQ(run.wait(), 0) << run.child().out();
    const Events events = run.events();
    check_stream(events, engine(), Operations::kOverlapping);
    check_table(events, table, static_cast<std::size_t>(rounds));
}

// The watch is set while threads work: the first count must not tear, and whatever side it starts
// from, it alternates. The levels are at the rare ends, so that a slow reader keeps up.
TEST(Threads, WatchSetInTheMiddle) {
    Child workload(threads_command({"--until-told"}), {.soft_limit = 256});
    const Bounds table = bounds(workload.take_line());
    ASSERT_EQ(table.bound, 28);
    ASSERT_EQ(workload.take_line().substr(0, 5), "ready");
    RunOptions options;
    options.watches = {"nofile=3,26,29"};  // 3 is always passed, 29 never
    const long times = scaled("BRINK_LIVE_WATCHES", repeated(30));
    for (long i = 0; i < times && !testing::Test::HasFailure(); ++i) {
        BrinkWatch watch(workload.pid(), options);
        ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
        ASSERT_TRUE(watch.wait_for_event([](const Event& event) {
            return event.value("level_as", "") == "26" && event.value("direction", "") == "down";
        }));
        watch.child().signal(SIGTERM);
        watch.wait();
        Events events = watch.events();
        const auto lost = std::find_if(events.begin(), events.end(),
                                       [](const Event& event) { return type_of(event) == "lost"; });
        events.erase(lost, events.end());
        check_stream(events, engine(), Operations::kOverlapping);
        check_alternation(events);
        EXPECT_EQ(crossings(events, "29", "up"), 0U) << "a level that was never reached";
        EXPECT_EQ(crossings(events, "3", "down"), 0U) << "a level that was never left";
        EXPECT_EQ(of_type(events, "initial").front().value("level_as", ""), "3");
    }
    // One last watch sees the end: the final side is right.
    options.watches = {"nofile=12,13"};
    BrinkWatch watch(workload.pid(), options);
    ASSERT_TRUE(watch.wait_ready());
    workload.send("stop");
    ASSERT_EQ(shell_status(workload.wait()), 0);
    EXPECT_EQ(watch.wait(), 0);
    const Events crossed = of_type(watch.events(), "crossing");
    ASSERT_FALSE(crossed.empty());
    EXPECT_EQ(crossed.back().value("level_as", ""), "12")
        << "twelve are kept: 12 goes down at exit";
    EXPECT_EQ(number(crossed.back(), "usage"), 0);
}

// The process ids of "threads: siblings PID...".
std::set<long long> siblings_in(const std::string& line) {
    std::istringstream words(line);
    std::string word;
    words >> word >> word;
    EXPECT_EQ(word, "siblings") << line;
    std::set<long long> pids;
    for (long long pid = 0; words >> pid;) pids.insert(pid);
    return pids;
}

// Processes on one table: each gets its own events, and all see the same levels crossed.
TEST(Threads, SiblingsWithClonedFiles) {
    const long rounds = scaled("BRINK_LIVE_ROUNDS", 100) / 4;
    RunOptions options;
    options.watches = {kLevels};
    options.child.soft_limit = 256;
    BrinkRun run(options, threads_command({"--operations", "100", "--marker", "40", "--rounds",
                                           std::to_string(rounds), "--processes"}));
    const Bounds table = bounds(run.child().take_line());
    const std::set<long long> siblings = siblings_in(run.child().take_line());
    ASSERT_EQ(siblings.size(), 4U);
    for (long round = 0; round < rounds; ++round) {
        ASSERT_EQ(run.child().take_line(), "round " + std::to_string(round));
        ASSERT_TRUE(eventually(
            [&] { return run.occurrences("\"level_as\":\"40\"") >= 5 * 2 * (round + 1); }));
        run.child().send("go on");
    }
    ASSERT_EQ(run.wait(), 0) << run.child().out();
    const Events events = run.events();
    check_stream(events, engine(), Operations::kOverlapping);
    const std::vector<pid_t> pids = pids_in(events);
    ASSERT_EQ(pids.size(), 5U) << "the parent and four siblings";
    for (const pid_t pid : pids) {
        SCOPED_TRACE("pid " + std::to_string(pid));
        check_table(of_pid(events, pid), table, static_cast<std::size_t>(rounds));
    }
    // Who acted is told, if it is known: each of the four acts, the parent never does.
    std::set<long long> actors;
    for (const Event& event : of_type(events, "crossing"))
        if (number(event, "usage") > 0 && event.contains("tid"))
            actors.insert(number(event, "tid"));
    EXPECT_EQ(actors, siblings);
}

}  // namespace
}  // namespace brink::live
