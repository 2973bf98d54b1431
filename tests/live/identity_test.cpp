// SPDX-License-Identifier: Apache-2.0
// A process is its pid and its start time: a recycled pid is never taken for the process that had it before.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <set>

#include "expected_events.hpp"

namespace brink::live {
namespace {

bool next_pid_will_be(pid_t pid) {
    return write_file("/proc/sys/kernel/ns_last_pid", std::to_string(pid - 1));
}

bool can_choose_pids() {
    const std::string last = read_file("/proc/sys/kernel/ns_last_pid");
    return !last.empty() && write_file("/proc/sys/kernel/ns_last_pid", last);
}

// A puppet that has the pid of one that is gone.
std::unique_ptr<Puppet> puppet_with_pid(pid_t pid) {
    for (int attempt = 0; attempt < 50; ++attempt) {
        if (!next_pid_will_be(pid)) return nullptr;
        auto puppet = std::make_unique<Puppet>(ChildOptions{.soft_limit = 100});
        if (puppet->pid() == pid) return puppet;
    }
    return nullptr;
}

TEST(Identity, ARecycledPidIsAnotherProcess) {
    if (!can_choose_pids()) GTEST_SKIP() << "ns_last_pid cannot be written here";
    auto first = std::make_unique<Puppet>(ChildOptions{.soft_limit = 100});
    const pid_t pid = first->pid();
    const auto first_start = start_time(pid);
    ASSERT_TRUE(first->to(15));
    RunOptions options;
    options.watches = {"nofile=20"};
    BrinkWatch watch(pid, options);
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    ASSERT_TRUE(first->to(25));
    ::kill(pid, SIGKILL);
    first->child().wait();
    EXPECT_EQ(watch.wait(), 0);
    const auto second = puppet_with_pid(pid);
    if (second == nullptr) GTEST_SKIP() << "pid " << pid << " was not given again";
    ASSERT_TRUE(second->to(30));
    const Events events = watch.events();
    Oracle oracle({{"20"}}, 19, 100);
    oracle.step(20, 100, "up");
    oracle.step(25, 100, "up");
    oracle.exit(true);
    check_events(events, oracle.events());
    for (const Event& event : events)
        EXPECT_EQ(static_cast<std::uint64_t>(number(event, "start_time")), *first_start)
            << brief(event);

    // A new watch on the same number is a watch on the new process, from where it stands.
    BrinkWatch again(pid, options);
    ASSERT_TRUE(again.wait_ready());
    ASSERT_TRUE(second->to(10));
    ASSERT_TRUE(again.wait_for_event(
        [](const Event& event) { return event.value("direction", "") == "down"; }));
    again.child().signal(SIGTERM);
    again.wait();
    const Events of_second = again.events();
    ASSERT_GE(of_second.size(), 2U);
    EXPECT_EQ(type_of(of_second[0]), "initial");
    EXPECT_EQ(number(of_second[0], "usage"), 30);
    EXPECT_EQ(static_cast<std::uint64_t>(number(of_second[0], "start_time")), *start_time(pid));
}

// Children of a watched process that die and leave their pid to a stranger, while the monitor goes on.
TEST(Identity, AStrangerWithTheOldPidIsNotWatched) {
    if (!can_choose_pids()) GTEST_SKIP() << "ns_last_pid cannot be written here";
    RunOptions options;
    options.watches = {"nofile=20"};
    options.child.soft_limit = 100;
    BrinkRun run(options, {work("puppet")});
    Puppet puppet(run);
    ASSERT_EQ(puppet("fork 1"), 0);
    ASSERT_TRUE(puppet.to(25, 1));
    const pid_t pid = puppet.last_pid();
    ASSERT_EQ(puppet("@1 exit 0"), 0);
    ASSERT_EQ(puppet("wait 1"), 0);
    {
        const auto stranger = puppet_with_pid(pid);
        if (stranger == nullptr) GTEST_SKIP() << "pid " << pid << " was not given again";
        ASSERT_TRUE(stranger->to(30));
        ASSERT_TRUE(stranger->to(10));
    }
    // And a second child with the same pid is a new one, from birth.
    next_pid_will_be(pid);
    ASSERT_TRUE(puppet.to(22));
    next_pid_will_be(pid);
    ASSERT_EQ(puppet("fork 2"), 0);
    ASSERT_TRUE(puppet.to(10, 2));
    const pid_t second = puppet.last_pid();
    ASSERT_EQ(puppet("@2 exit 0"), 0);
    ASSERT_EQ(puppet("wait 2"), 0);
    puppet.child().send("exit 0");
    ASSERT_EQ(run.wait(), 0);
    const Events events = run.events();
    check_stream(events);

    Oracle first({{"20"}}, 19, 100);
    first.step(20, 100, "up");
    first.step(25, 100, "up");
    first.exit(false);
    ExpectedEvents expected = first.events();
    Oracle reborn({{"20"}}, 22, 100);
    reborn.initial("birth");
    reborn.step(19, 100, "down");
    reborn.exit(false);
    if (second == pid) {
        expected.insert(expected.end(), reborn.events().begin(), reborn.events().end());
        std::set<long long> starts;
        for (const Event& event : of_pid(events, pid)) starts.insert(number(event, "start_time"));
        EXPECT_LE(starts.size(), 2U);
    } else {
        check_events(of_pid(events, second), reborn.events());
    }
    check_events(of_pid(events, pid), expected);
}

// Two monitors with different levels on one process know nothing of each other.
TEST(Identity, TwoMonitorsOnOneProcess) {
    Puppet puppet({.soft_limit = 100});
    RunOptions one;
    one.watches = {"nofile=20,30"};
    RunOptions other;
    other.watches = {"nofile=25,50%:up"};
    BrinkWatch first(puppet.pid(), one);
    ASSERT_TRUE(first.wait_ready());
    Oracle of_first({{"20", "30"}}, 4, 100);
    Oracle of_second({{"25", "50%"}, true, false}, 22, 100);
    const auto to = [&](unsigned from, unsigned count, bool both) {
        ASSERT_TRUE(puppet.to(static_cast<int>(count)));
        while (from != count) {
            from += from < count ? 1U : ~0U;
            of_first.step(from, 100, "step");
            if (both) of_second.step(from, 100, "step");
        }
    };
    to(4, 22, false);
    {
        BrinkWatch second(puppet.pid(), other);
        ASSERT_TRUE(second.wait_ready());
        to(22, 60, true);
        to(60, 10, true);
        to(10, 27, true);
        ASSERT_TRUE(second.wait_for_event([&, seen = 0](const Event& event) mutable {
            if (event.value("level_as", "") == "25") ++seen;
            return seen >= 2 || of_type(second.events(), "crossing").size() >= 3;
        }));
        second.child().signal(SIGTERM);
        second.wait();
        const Events events = second.events();
        check_stream(events);
        check_events(events, of_second.events());
    }
    to(27, 35, false);  // the second is gone, the first goes on
    puppet.child().send("exit 0");
    EXPECT_EQ(first.wait(), 0);
    of_first.exit(true);
    const Events events = first.events();
    check_stream(events);
    check_events(events, of_first.events());
}

}  // namespace
}  // namespace brink::live
