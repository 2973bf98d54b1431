// SPDX-License-Identifier: Apache-2.0
// Limits that change while usage stands still, levels that sleep until a limit allows them, and a watch set above.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>

#include "expected_events.hpp"

namespace brink::live {
namespace {

void steps(Oracle& oracle, unsigned from, unsigned to, unsigned limit) {
    while (from != to)
        oracle.step(from += from < to ? 1U : ~0U, limit, "step to " + std::to_string(to));
}

int prlimit_soft(pid_t pid, rlim_t soft) {
    rlimit limit{};
    if (::prlimit(pid, RLIMIT_NOFILE, nullptr, &limit) != 0) return errno;
    limit.rlim_cur = soft;
    return ::prlimit(pid, RLIMIT_NOFILE, &limit, nullptr) == 0 ? 0 : errno;
}

const WatchedLevels kFollowing{{"20", "50%", "-20"}};

RunOptions watching(const WatchedLevels& levels, unsigned soft_limit = 100) {
    RunOptions options;
    options.watches = {levels.spec()};
    options.child.soft_limit = soft_limit;
    return options;
}

// The limit moves, from inside and from outside; the usage does not.
void levels_follow_the_limit(bool from_outside) {
    BrinkRun run(watching(kFollowing), {work("puppet")});
    Puppet puppet(run);
    Oracle oracle(kFollowing, 4, 100);
    ASSERT_TRUE(puppet.to(40));
    steps(oracle, 4, 40, 100);
    for (const unsigned limit : {70U, 50U, 60U, 61U, 81U, 79U, 100U, 90U}) {
        if (from_outside)
            ASSERT_EQ(prlimit_soft(puppet.pid(), limit), 0);
        else
            ASSERT_EQ(puppet("limit " + std::to_string(limit)), 0);
        oracle.step(40, limit, "limit " + std::to_string(limit));
    }
    ASSERT_TRUE(puppet.to(72));
    steps(oracle, 40, 72, 90);
    puppet.child().send("exit 0");
    ASSERT_EQ(run.wait(), 0);
    oracle.exit(true);
    const Events events = run.events();
    check_stream(events);
    check_events(of_pid(events, puppet.pid()), oracle.events());
}

TEST(Limit, LevelsFollowSetrlimit) { levels_follow_the_limit(false); }
TEST(Limit, LevelsFollowPrlimitFromOutside) { levels_follow_the_limit(true); }

TEST(Limit, TheSameLimitAgainIsNoChange) {
    BrinkRun run(watching(kFollowing), {work("puppet")});
    Puppet puppet(run);
    for (int i = 0; i < 5; ++i) ASSERT_EQ(puppet("limit 100"), 0);
    puppet.child().send("exit 0");
    ASSERT_EQ(run.wait(), 0);
    const Events events = run.events();
    ASSERT_EQ(events.size(), 1U) << brief(events.front());
    EXPECT_EQ(type_of(events.front()), "exit");
}

// -50 of 40 and 500 of 100 cannot be reached; they wake when the limit allows them, at once when usage is above.
TEST(Limit, DormantLevelsWake) {
    const WatchedLevels levels{{"500", "-50", "10"}};
    RunOptions options = watching(levels, 40);
    options.child.hard_limit = 1000;
    BrinkRun run(options, {work("puppet")});
    ASSERT_TRUE(run.wait_ready());
    EXPECT_TRUE(run.child().wait_for_error_line("^brink: .*-50"))
        << "dormant, said once: " << run.child().err();
    Puppet puppet(run);
    Oracle oracle(levels, 4, 40);
    ASSERT_TRUE(puppet.to(35));
    steps(oracle, 4, 35, 40);
    ASSERT_EQ(puppet("limit 80"), 0);  // -50 is 30 now, and 35 are open
    oracle.step(35, 80, "limit 80");
    ASSERT_TRUE(puppet.to(25));
    steps(oracle, 35, 25, 80);
    ASSERT_EQ(puppet("limit 600"), 0);
    oracle.step(25, 600, "limit 600");
    ASSERT_TRUE(puppet.to(560));
    steps(oracle, 25, 560, 600);
    puppet.child().send("exit 0");
    ASSERT_EQ(run.wait(), 0);
    oracle.exit(true);
    check_events(of_pid(run.events(), puppet.pid()), oracle.events());
}

TEST(Limit, WatchSetAboveSaysWhereItStands) {
    Puppet puppet({.soft_limit = 100});
    ASSERT_TRUE(puppet.to(60));
    const WatchedLevels levels{{"20", "50%", "-30", "55"}};
    BrinkWatch watch(puppet.pid(), watching(levels));
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    Oracle oracle(levels, 60, 100);
    oracle.initial("the watch is set");
    ASSERT_EQ(oracle.events().size(), 3U);
    ASSERT_TRUE(puppet.to(10));
    steps(oracle, 60, 10, 100);
    ASSERT_TRUE(puppet.to(75));
    steps(oracle, 10, 75, 100);
    puppet.child().send("exit 0");
    EXPECT_EQ(watch.wait(), 0);
    oracle.exit(true);
    const Events events = watch.events();
    check_stream(events);
    check_events(of_pid(events, puppet.pid()), oracle.events());
    EXPECT_EQ(pids_in(events).size(), 1U);
}

// `initial` and what follows must neither overlap nor leave a gap, however often the watch is set.
TEST(Limit, WatchSetAgainAndAgain) {
    Puppet puppet({.soft_limit = 100});
    const WatchedLevels levels{{"20", "21"}};
    for (int i = 0; i < repeated(25) && !testing::Test::HasFailure(); ++i) {
        const unsigned start = 18 + static_cast<unsigned>(i) % 5;
        ASSERT_TRUE(puppet.to(static_cast<int>(start)));
        BrinkWatch watch(puppet.pid(), watching(levels));
        ASSERT_TRUE(watch.wait_ready());
        Oracle oracle(levels, start, 100);
        oracle.initial("set at " + std::to_string(start));
        ASSERT_TRUE(puppet.to(23));
        steps(oracle, start, 23, 100);
        ASSERT_TRUE(puppet.to(18));
        steps(oracle, 23, 18, 100);
        ASSERT_TRUE(watch.wait_for_event([&](const Event& event) {
            return type_of(event) == "crossing" && event.value("direction", "") == "down" &&
                   event.value("level", 0) == 20;
        }));
        watch.child().signal(SIGTERM);
        watch.wait();
        check_events(of_pid(watch.events(), puppet.pid()), oracle.events());
    }
}

// A watch by thread id, of a thread that is not the leader: it counts the table that the thread works
// on, whoever of those that share it acts, and ends with the thread while the process goes on.
TEST(Limit, WatchByThread) {
    constexpr long kRounds = 5;
    Child workload({work("threads"), "--threads", "2", "--each", "6", "--operations", "100",
                    "--marker", "20", "--rounds", std::to_string(kRounds), "--gate"},
                   {.soft_limit = 100});
    workload.take_line();
    ASSERT_EQ(workload.take_line().substr(0, 5), "ready");
    workload.send("go");
    ASSERT_EQ(workload.take_line(), "round 0");
    pid_t tid = 0;
    for (const pid_t one : threads(workload.pid()))
        if (one != workload.pid()) tid = one;
    ASSERT_NE(tid, 0);
    const WatchedLevels levels{{"20"}};
    BrinkWatch watch(tid, watching(levels), "--tid");
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    for (long round = 1; round < kRounds; ++round) {
        workload.send("go on");
        ASSERT_EQ(workload.take_line(), "round " + std::to_string(round));
    }
    workload.send("go on");
    workload.take_line();  // what it did
    ASSERT_EQ(workload.take_line().substr(0, 5), "ready");
    EXPECT_EQ(watch.wait(), 0) << "it ends with the thread";
    EXPECT_TRUE(alive(workload.pid()));
    workload.send("end");
    EXPECT_EQ(shell_status(workload.wait()), 0);
    const Events events = watch.events();
    check_stream(events, engine(), Operations::kOverlapping);
    Oracle oracle(levels, 16, 100);
    for (long round = 1; round < kRounds; ++round) {
        oracle.step(20, 100, "round");
        oracle.step(19, 100, "round");
    }
    oracle.exit(true);
    check_events(events, oracle.events());
    for (const Event& event : events) EXPECT_EQ(event.value("scope", ""), "thread") << brief(event);
}

}  // namespace
}  // namespace brink::live
