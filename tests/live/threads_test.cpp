// SPDX-License-Identifier: Apache-2.0
// Threads and CLONE_FILES siblings that work on one table from two CPUs: directions alternate for each level, a level
// that is never reached is never reported, and every level between is crossed at least once a round.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "brink_process.hpp"

namespace brink::live {
namespace {

struct Bounds {
  int base = 0, bound = 0, final_count = 0;
};

Bounds bounds(const std::string& line) {
  Bounds found;
  EXPECT_EQ(std::sscanf(line.c_str(), "threads: base %d bound %d final %d", &found.base, &found.bound,
                        &found.final_count),
            3)
      << line;
  return found;
}

std::size_t crossings(const Events& events, const std::string& level, const std::string& direction) {
  return static_cast<std::size_t>(std::count_if(events.begin(), events.end(), [&](const Event& event) {
    return type_of(event) == "crossing" && event.value("level_as", "") == level &&
           event.value("direction", "") == direction;
  }));
}

// The base of `threads` under a pipe for each standard stream: those three, /proc/self/fd.
constexpr int kBase = 4;

std::vector<std::string> threads_command(std::vector<std::string> further) {
  std::vector<std::string> command = {work("threads"), "--threads", "4", "--each", "6", "--keep", "2"};
  command.insert(command.end(), further.begin(), further.end());
  return command;
}
// With four threads of six each: never above 28; at the end 12.
const char* const kLevels = "nofile=10,16,22,28,29";

void check_table(const Events& events, const Bounds& table, std::size_t rounds) {
  check_alternation(events);
  EXPECT_EQ(crossings(events, "29", "up"), 0U) << "a level that was never reached";
  for (const char* level : {"10", "16", "22", "28"}) {
    EXPECT_GE(crossings(events, level, "up"), rounds) << level;
    EXPECT_GE(crossings(events, level, "down"), rounds) << level;
  }
  for (const Event& event : of_type(events, "crossing"))
    ASSERT_LE(number(event, "usage"), table.bound) << brief(event);
  EXPECT_EQ(table.bound, 28);
}

TEST(Threads, SharingATableOnTwoCpus) {
  const long rounds = scaled("BRINK_LIVE_ROUNDS", 40);
  RunOptions options;
  options.watches = {kLevels};
  options.child.soft_limit = 256;
  BrinkRun run(options, threads_command({"--rounds", std::to_string(rounds)}));
  const Bounds table = bounds(run.child().take_line());
  ASSERT_EQ(table.base, kBase);
  ASSERT_EQ(run.wait(), 0) << run.child().out();
  const Events events = run.events();
  check_stream(events);
  check_table(events, table, static_cast<std::size_t>(rounds));
  // At the end twelve are open: level 10 goes down as the last, at exit, with nothing left.
  ASSERT_GE(events.size(), 2U);
  EXPECT_EQ(type_of(events.back()), "exit");
  EXPECT_EQ(events[events.size() - 2].value("level_as", ""), "10");
  EXPECT_EQ(number(events[events.size() - 2], "usage"), 0);
}

// A thread that unshared its table works in another one; what it does there is not this process's count.
TEST(Threads, AStrangerWithATableOfItsOwn) {
  const long rounds = scaled("BRINK_LIVE_ROUNDS", 40);
  RunOptions options;
  options.watches = {kLevels};
  options.child.soft_limit = 256;
  BrinkRun run(options, threads_command({"--rounds", std::to_string(rounds), "--stranger", "40"}));
  const Bounds table = bounds(run.child().take_line());
  ASSERT_EQ(run.wait(), 0) << run.child().out();
  check_table(run.events(), table, static_cast<std::size_t>(rounds));
}

// The watch is set while threads work: the first count must not tear, and whatever side it starts from, it alternates.
TEST(Threads, WatchSetInTheMiddle) {
  Child workload(threads_command({"--until-told"}), {.soft_limit = 256});
  const Bounds table = bounds(workload.take_line());
  ASSERT_EQ(workload.take_line().substr(0, 5), "ready");
  const long times = scaled("BRINK_LIVE_WATCHES", 30);
  for (long i = 0; i < times && !testing::Test::HasFailure(); ++i) {
    RunOptions options;
    options.watches = {kLevels};
    BrinkWatch watch(workload.pid(), options);
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    ASSERT_TRUE(watch.wait_for_event([](const Event& event) {
      return event.value("level_as", "") == "28" && event.value("direction", "") == "up";
    }));
    watch.child().signal(SIGTERM);
    watch.wait();
    const Events events = watch.events();
    check_stream(events);
    check_table(events, table, 0);
  }
  // One last watch sees the end: the final side is right.
  RunOptions options;
  options.watches = {kLevels};
  BrinkWatch watch(workload.pid(), options);
  ASSERT_TRUE(watch.wait_ready());
  workload.send("stop");
  ASSERT_EQ(shell_status(workload.wait()), 0);
  EXPECT_EQ(watch.wait(), 0);
  const Events events = watch.events();
  check_table(events, table, 0);
  const Events down = of_type(events, "crossing");
  ASSERT_FALSE(down.empty());
  EXPECT_EQ(down.back().value("level_as", ""), "10");
  EXPECT_EQ(number(down.back(), "usage"), 0);
}

// Processes on one table: each gets its own events, and all see the same levels crossed.
TEST(Threads, SiblingsWithClonedFiles) {
  const long rounds = scaled("BRINK_LIVE_ROUNDS", 40);
  RunOptions options;
  options.watches = {kLevels};
  options.child.soft_limit = 256;
  BrinkRun run(options, threads_command({"--rounds", std::to_string(rounds), "--processes"}));
  const Bounds table = bounds(run.child().take_line());
  ASSERT_EQ(run.wait(), 0) << run.child().out();
  const Events events = run.events();
  check_stream(events);
  const std::vector<pid_t> pids = pids_in(events);
  ASSERT_EQ(pids.size(), 5U) << "the parent and four siblings";
  for (const pid_t pid : pids) {
    SCOPED_TRACE("pid " + std::to_string(pid));
    check_table(of_pid(events, pid), table, static_cast<std::size_t>(rounds));
  }
  // Who acted is told: all of the four act, the parent never does.
  std::set<long long> actors;
  for (const Event& event : of_type(events, "crossing"))
    if (number(event, "usage") > 0) actors.insert(number(event, "tid"));
  EXPECT_EQ(actors.size(), 4U);
}

}  // namespace
}  // namespace brink::live
