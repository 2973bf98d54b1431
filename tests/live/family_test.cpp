// SPDX-License-Identifier: Apache-2.0
// Children, grandchildren, exec and exit: who inherits what, and what is said at birth and at death.
#include <gtest/gtest.h>
#include <algorithm>
#include <csignal>

#include "expected_events.hpp"

namespace brink::live {
namespace {

RunOptions watching(const std::string& spec) {
    RunOptions options;
    options.watches = {"nofile=" + spec};
    options.child.soft_limit = 100;
    return options;
}

void steps(Oracle& oracle, unsigned from, unsigned to) {
    while (from != to)
        oracle.step(from += from < to ? 1U : ~0U, 100, "step to " + std::to_string(to));
}

TEST(Family, AChildBornAboveLevelsSaysSo) {
    BrinkRun run(watching("10,20,30,40"), {work("puppet")});
    Puppet puppet(run);
    ASSERT_TRUE(puppet.to(35));
    ASSERT_EQ(puppet("fork 1"), 0);
    ASSERT_TRUE(puppet.to(15, 1));
    const pid_t child = puppet.last_pid();
    ASSERT_TRUE(puppet.to(45, 1));
    ASSERT_EQ(puppet("@1 exit 0"), 0);
    ASSERT_EQ(puppet("wait 1"), 0);
    puppet.child().send("exit 0");
    ASSERT_EQ(run.wait(), 0);
    const Events events = run.events();
    check_stream(events);
    Oracle oracle({{"10", "20", "30", "40"}}, 35, 100);
    oracle.initial("birth");
    ASSERT_EQ(oracle.events().size(), 3U);
    steps(oracle, 35, 15);
    steps(oracle, 15, 45);
    oracle.exit(false);
    check_events(of_pid(events, child), oracle.events());
    for (const Event& event : of_type(of_pid(events, child), "initial"))
        EXPECT_EQ(number(event, "ppid"), puppet.pid()) << brief(event);
}

TEST(Family, GrandchildrenFromTheirFirstInstruction) {
    BrinkRun run(watching("20"), {work("puppet")});
    Puppet puppet(run);
    std::vector<pid_t> pids = {puppet.pid()};
    for (int generation = 1; generation <= 5; ++generation) {
        const std::string parent = generation == 1 ? ""
                                                   : "@" + std::to_string(generation - 1) + " ";
        ASSERT_EQ(puppet(parent + "fork " + std::to_string(generation)), 0);
        ASSERT_TRUE(puppet.to(25, generation));
        pids.push_back(puppet.last_pid());
        ASSERT_TRUE(puppet.to(10, generation));
    }
    for (int generation = 5; generation >= 1; --generation) {
        ASSERT_EQ(puppet("@" + std::to_string(generation) + " exit 0"), 0);
        const std::string parent = generation == 1 ? ""
                                                   : "@" + std::to_string(generation - 1) + " ";
        ASSERT_EQ(puppet(parent + "wait " + std::to_string(generation)), 0);
    }
    puppet.child().send("exit 0");
    ASSERT_EQ(run.wait(), 0);
    const Events events = run.events();
    check_stream(events);
    for (std::size_t generation = 1; generation < pids.size(); ++generation) {
        SCOPED_TRACE("generation " + std::to_string(generation));
        Oracle oracle({{"20"}}, 4, 100);
        steps(oracle, 4, 25);
        steps(oracle, 25, 10);
        oracle.exit(false);
        check_events(of_pid(events, pids[generation]), oracle.events());
    }
}

TEST(Family, NoInheritLeavesChildrenOut) {
    BrinkRun run(watching("20:no-inherit"), {work("puppet")});
    Puppet puppet(run);
    ASSERT_EQ(puppet("fork 1"), 0);
    ASSERT_TRUE(puppet.to(30, 1));
    const pid_t child = puppet.last_pid();
    ASSERT_TRUE(puppet.to(30));
    ASSERT_EQ(puppet("@1 exit 0"), 0);
    ASSERT_EQ(puppet("wait 1"), 0);
    puppet.child().send("exit 0");
    ASSERT_EQ(run.wait(), 0);
    const Events events = run.events();
    EXPECT_TRUE(of_pid(events, child).empty());
    Oracle oracle({{"20"}}, 4, 100);
    steps(oracle, 4, 30);
    oracle.exit(true);
    check_events(of_pid(events, puppet.pid()), oracle.events());
}

// The watch lives through exec; what is close-on-exec goes down the levels there.
TEST(Family, ExecClosesOnItsWay) {
    BrinkRun run(watching("10,20,30"), {work("puppet")});
    Puppet puppet(run);
    ASSERT_TRUE(puppet.to(35));
    ASSERT_EQ(puppet("cloexec 20"), 0);
    ASSERT_EQ(puppet("exec"), 0);
    EXPECT_EQ(descriptor_count(puppet.pid()), 15U);
    ASSERT_TRUE(puppet.to(25));
    puppet.child().send("exit 0");
    ASSERT_EQ(run.wait(), 0);
    const Events events = run.events();
    check_stream(events);
    Oracle oracle({{"10", "20", "30"}}, 4, 100);
    steps(oracle, 4, 35);
    oracle.step(15, 100, "exec");
    steps(oracle, 15, 25);
    oracle.exit(true);
    check_events(of_pid(events, puppet.pid()), oracle.events());
}

TEST(Family, ExitWithEverythingOpenGoesDownHighestFirst) {
    BrinkRun run(watching("10,20,30,40%"), {work("puppet")});
    Puppet puppet(run);
    ASSERT_TRUE(puppet.to(50));
    const auto born = start_time(puppet.pid());
    puppet.child().send("exit 7");
    ASSERT_EQ(run.wait(), 7);
    const Events events = run.events();
    check_stream(events);
    ASSERT_EQ(events.size(), 9U);
    const std::vector<std::string> descending = {"40%", "30", "20", "10"};
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(events[4 + i].value("level_as", ""), descending[i]);
        EXPECT_EQ(events[4 + i].value("direction", ""), "down");
        EXPECT_EQ(number(events[4 + i], "usage"), 0);
    }
    EXPECT_EQ(type_of(events[8]), "exit");
    for (const Event& event : events)
        EXPECT_EQ(static_cast<std::uint64_t>(number(event, "start_time")), *born) << brief(event);
}

TEST(Family, SeveralWatchesEndWithOneExitAfterEveryLevel) {
    RunOptions options = watching("20,25");
    options.watches.emplace_back("nofile=22,30");
    options.watches.emplace_back("nofile=10:up");
    BrinkRun run(options, {work("puppet")});
    Puppet puppet(run);
    ASSERT_TRUE(puppet.to(28));
    puppet.child().send("exit 0");
    ASSERT_EQ(run.wait(), 0);
    const Events events = run.events();
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(type_of(events.back()), "exit");
    EXPECT_EQ(of_type(events, "exit").size(), 1U);
    const auto downs = std::count_if(events.begin(), events.end(), [](const Event& event) {
        return event.value("cause", "") == "exit";
    });
    EXPECT_EQ(downs, 3) << "20, 25 and 22";
}

TEST(Family, KilledWithSigkill) {
    BrinkRun run(watching("20"), {work("puppet")});
    Puppet puppet(run);
    ASSERT_TRUE(puppet.to(30));
    ASSERT_EQ(::kill(puppet.pid(), SIGKILL), 0);
    ASSERT_EQ(run.wait(), 128 + SIGKILL);
    Oracle oracle({{"20"}}, 4, 100);
    steps(oracle, 4, 30);
    oracle.exit(true);
    check_events(run.events(), oracle.events());
}

// Four places: the command and three children. Who finds none is told of, and a place that is free again is used.
TEST(Family, ChildrenBeyondMaxSubjectsAreToldOf) {
    RunOptions options = watching("20");
    options.further = {"--max-subjects", "4"};
    BrinkRun run(options, {work("puppet")});
    Puppet puppet(run);
    std::vector<pid_t> pids;
    for (int child = 1; child <= 5; ++child) {
        ASSERT_EQ(puppet("fork " + std::to_string(child)), 0);
        ASSERT_TRUE(puppet.to(25, child));
        pids.push_back(puppet.last_pid());
    }
    EXPECT_TRUE(run.child().wait_for_error_line("processes left unwatched so far: 2;"))
        << run.child().err();
    ASSERT_EQ(puppet("@1 exit 0"), 0);
    ASSERT_EQ(puppet("wait 1"), 0);
    ASSERT_EQ(puppet("fork 6"), 0);
    ASSERT_TRUE(puppet.to(25, 6));
    pids.push_back(puppet.last_pid());
    puppet.child().send("exit 0");
    ASSERT_EQ(run.wait(), 0);
    const Events events = run.events();
    for (std::size_t i = 0; i < pids.size(); ++i)
        EXPECT_EQ(of_pid(events, pids[i]).empty(), i == 3 || i == 4) << "child " << i + 1;
}

// A process that is watched from outside, of many threads.
TEST(Family, AThreadedProcessKilledWhileWatched) {
    Child workload({work("threads"), "--threads", "4", "--each", "6", "--until-told"},
                   {.soft_limit = 100});
    workload.take_line();
    ASSERT_EQ(workload.take_line().substr(0, 5), "ready");
    RunOptions options;
    options.watches = {"nofile=1,16"};
    BrinkWatch watch(workload.pid(), options);
    ASSERT_TRUE(watch.wait_ready());
    ASSERT_TRUE(watch.wait_for_event(
        [](const Event& event) { return event.value("level_as", "") == "16"; }));
    workload.signal(SIGKILL);
    workload.wait();
    EXPECT_EQ(watch.wait(), 0) << "watch ends with the process";
    const Events events = watch.events();
    check_stream(events, engine(), Operations::kOverlapping);
    check_alternation(events);
    ASSERT_GE(events.size(), 2U);
    EXPECT_EQ(type_of(events.back()), "exit");
    EXPECT_EQ(of_type(events, "exit").size(), 1U) << "once, however many threads die";
    EXPECT_EQ(events[events.size() - 2].value("level_as", ""), "1");
    EXPECT_EQ(number(events[events.size() - 2], "usage"), 0);
}

}  // namespace
}  // namespace brink::live
