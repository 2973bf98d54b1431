// SPDX-License-Identifier: Apache-2.0
// brink watch by unit, cgroup, container, name, program, user and scheduling policy: whoever matches is watched, from
// when on, and until when. Each form goes through the same steps; what must have been said follows from these alone.
#include <gtest/gtest.h>
#include <sched.h>

#include <csignal>
#include <filesystem>

#include "brink_process.hpp"
#include "named_cgroup.hpp"

namespace brink::live {
namespace {

constexpr const char* kContainer =
    "docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope";
constexpr uid_t kUser = 4343;

// "initial 25", "up 20", "down 19", "exit", "exit selection": what was said of one process.
std::vector<std::string> said_of(const Events& events, pid_t pid) {
    std::vector<std::string> said;
    for (const Event& event : of_pid(events, pid)) {
        std::string text = type_of(event) == "crossing" ? event.value("direction", "")
                                                        : type_of(event);
        if (event.contains("usage")) text += " " + std::to_string(number(event, "usage"));
        if (event.contains("reason")) text += " " + event.value("reason", "");
        said.push_back(text);
    }
    return said;
}

// How a process comes to match, and ceases to.
struct Form {
    std::vector<std::string> subject;
    std::function<bool(Puppet&)> enter;
    std::function<bool(Puppet&)> leave;
};

Form by_order(std::vector<std::string> subject, const std::string& enter,
              const std::string& leave) {
    const auto order = [](const std::string& text) {
        return [text](Puppet& puppet) { return puppet(text) == 0; };
    };
    return {std::move(subject), order(enter), order(leave)};
}

Form by_cgroup(std::vector<std::string> subject, const NamedCgroup& cgroup) {
    return {std::move(subject), [&](Puppet& puppet) { return cgroup.take(puppet.pid()); },
            [&](Puppet& puppet) { return cgroup.give_back(puppet.pid()); }};
}

bool is_initial(const Event& event, pid_t pid) {
    return type_of(event) == "initial" && number(event, "pid") == pid;
}

void end(Puppet& puppet) {
    puppet.child().send("exit 0");
    puppet.child().wait();
}

// One that matches when the watch begins, with a child; one that comes, goes, and comes again; one that never does.
void go_through(const Form& form) {
    const ChildOptions limits{.soft_limit = 100};
    Puppet early(limits);
    Puppet late(limits);
    Puppet stranger(limits);
    ASSERT_TRUE(early.to(25) && late.to(25) && form.enter(early));
    RunOptions options;
    options.watches = {"nofile=20"};
    BrinkWatch watch(form.subject, options);
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    const auto begins = [&](Puppet& puppet, std::size_t times) {
        return eventually([&] {
            const Events events = of_pid(watch.events(), puppet.pid());
            return of_type(events, "initial").size() == times;
        });
    };
    ASSERT_TRUE(form.enter(late));
    ASSERT_TRUE(begins(late, 1)) << watch.child().err();
    ASSERT_TRUE(stranger.to(30) && stranger.to(5) && late.to(10) && late.to(22));
    ASSERT_TRUE(form.leave(late));
    ASSERT_TRUE(late.to(30) && late.to(5) && late.to(25));
    ASSERT_TRUE(form.enter(late));
    ASSERT_TRUE(begins(late, 2)) << watch.child().err();
    ASSERT_EQ(early("fork 1"), 0);
    ASSERT_TRUE(early.to(15, 1));
    const pid_t child = early.last_pid();
    ASSERT_EQ(early("@1 exit 0"), 0);
    ASSERT_EQ(early("wait 1"), 0);
    ASSERT_TRUE(form.leave(early));
    ASSERT_TRUE(early.to(5));
    end(late);
    watch.child().signal(SIGTERM);
    ASSERT_EQ(watch.wait(), 0);

    const Events events = watch.events();
    check_stream(events);
    using Said = std::vector<std::string>;
    EXPECT_EQ(said_of(events, early.pid()), (Said{"initial 25", "exit selection"}));
    EXPECT_EQ(said_of(events, late.pid()), (Said{"initial 25", "down 19", "up 20", "exit selection",
                                                 "initial 25", "down 0", "exit"}));
    EXPECT_EQ(said_of(events, child), (Said{"initial 25", "down 19", "exit"}));
    EXPECT_TRUE(of_pid(events, stranger.pid()).empty());
}

std::string own(const std::string& name) {
    return "brink-" + std::to_string(::getpid()) + "-" + name;
}

TEST(Selection, Unit) {
    const NamedCgroup cgroup(own("u") + "/web.service/inner");
    if (!cgroup.there()) GTEST_SKIP() << "no cgroup v2 can be written to here";
    go_through(by_cgroup({"--unit", "web"}, cgroup));
}

TEST(Selection, Cgroup) {
    const NamedCgroup cgroup(own("c") + "/inner");
    if (!cgroup.there()) GTEST_SKIP() << "no cgroup v2 can be written to here";
    go_through(by_cgroup({"--cgroup", "/" + own("c")}, cgroup));
}

TEST(Selection, CgroupOfSystemdInV1) {
    const NamedCgroup cgroup(own("s"), NamedCgroup::systemd());
    if (!cgroup.there()) GTEST_SKIP() << "there is no hierarchy name=systemd";
    go_through(by_cgroup({"--cgroup", cgroup.path()}, cgroup));
}

TEST(Selection, Container) {
    const NamedCgroup cgroup(own("d") + "/" + kContainer);
    if (!cgroup.there()) GTEST_SKIP() << "no cgroup v2 can be written to here";
    go_through(by_cgroup({"--container", "0123456789abcdef"}, cgroup));
}

// A name that begins alike is another one; so is a cgroup, and the one that looks after a container.
TEST(Selection, WhatIsAlikeIsAnother) {
    const NamedCgroup beside(own("a") + "x");
    const NamedCgroup monitor(own("m") + "/libpod-conmon-0123456789abcdef0123456789abcdef.scope");
    if (!beside.there() || !monitor.there()) GTEST_SKIP() << "no cgroup v2 can be written to here";
    RunOptions options;
    options.watches = {"nofile=20"};
    Puppet puppet({.soft_limit = 100});
    const auto nothing_of = [&](const std::vector<std::string>& subject) {
        BrinkWatch watch(subject, options);
        ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
        ASSERT_TRUE(puppet.to(25) && puppet.to(10));
        watch.child().signal(SIGTERM);
        ASSERT_EQ(watch.wait(), 0);
        EXPECT_TRUE(of_pid(watch.events(), puppet.pid()).empty()) << subject[1];
    };
    ASSERT_TRUE(beside.take(puppet.pid()));
    nothing_of({"--cgroup", "/" + own("a")});
    ASSERT_TRUE(monitor.take(puppet.pid()));
    nothing_of({"--container", "0123456789abcdef"});
    ASSERT_EQ(puppet("comm brink-some"), 0);
    nothing_of({"--comm", "brink-som"});
    nothing_of({"--exe", work("puppe")});
    nothing_of({"--user", "434"});
}

TEST(Selection, Name) {
    go_through(by_order({"--comm", "brink-chosen"}, "comm brink-chosen", "comm other"));
}

TEST(Selection, Program) {
    const ScratchFolder folder;
    const std::string copy = folder / "chosen";
    std::filesystem::copy_file(work("puppet"), copy);
    go_through(by_order({"--exe", copy}, "exec " + copy, "exec " + work("puppet")));
}

TEST(Selection, User) {
    go_through(
        by_order({"--user", std::to_string(kUser)}, "uid " + std::to_string(kUser), "uid 0"));
}

TEST(Selection, Policy) { go_through(by_order({"--realtime"}, "policy 1", "policy 0")); }

TEST(Selection, PolicyThatAnotherSets) {
    const auto set = [](int policy) {
        return [policy](Puppet& puppet) {
            sched_param parameters{};
            parameters.sched_priority = policy == SCHED_OTHER ? 0 : 1;
            return ::sched_setscheduler(puppet.pid(), policy, &parameters) == 0;
        };
    };
    go_through({{"--realtime"}, set(SCHED_RR), set(SCHED_OTHER)});
}

// The thread, not the main one, is the real-time one; a child has no such thread.
TEST(Selection, PolicyOfAThread) {
    Puppet puppet({.soft_limit = 100});
    ASSERT_TRUE(puppet.to(25));
    RunOptions options;
    options.watches = {"nofile=20"};
    BrinkWatch watch({"--realtime"}, options);
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    ASSERT_EQ(puppet("fifo 1"), 0);
    ASSERT_TRUE(
        watch.wait_for_event([&](const Event& event) { return is_initial(event, puppet.pid()); }));
    ASSERT_EQ(puppet("fork 1"), 0);
    ASSERT_TRUE(puppet.to(10, 1));
    const pid_t child = puppet.last_pid();
    ASSERT_EQ(puppet("@1 exit 0"), 0);
    ASSERT_TRUE(puppet.to(10));
    // pthread_join(3) returns before the thread has gone by the hook of its end.
    ASSERT_EQ(puppet("fifo 0"), 0);
    ASSERT_TRUE(watch.wait_for_event([&](const Event& event) {
        return type_of(event) == "exit" && number(event, "pid") == puppet.pid();
    }));
    ASSERT_TRUE(puppet.to(25));
    watch.child().signal(SIGTERM);
    ASSERT_EQ(watch.wait(), 0);
    EXPECT_EQ(said_of(watch.events(), puppet.pid()),
              (std::vector<std::string>{"initial 25", "down 19", "exit selection"}));
    EXPECT_TRUE(of_pid(watch.events(), child).empty());
}

// Who may be watched, and is in another's hands, is left out and counted; and the poll engine finds who comes and goes.
TEST(Selection, PollFindsWhoComesAndGoes) {
    Puppet puppet({.soft_limit = 100});
    ASSERT_TRUE(puppet.to(25));
    RunOptions options;
    options.watches = {"nofile=20"};
    options.engine = "poll";
    BrinkWatch watch({"--comm", "brink-polled"}, options);
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    EXPECT_TRUE(watch.child().wait_for_error_line("no process matches yet"));
    ASSERT_EQ(puppet("comm brink-polled"), 0);
    ASSERT_TRUE(
        watch.wait_for_event([&](const Event& event) { return is_initial(event, puppet.pid()); }));
    ASSERT_EQ(puppet("comm other"), 0);
    ASSERT_TRUE(watch.wait_for_event(
        [&](const Event& event) { return event.value("reason", "") == "selection"; }));
    watch.child().signal(SIGTERM);
    ASSERT_EQ(watch.wait(), 0);
    EXPECT_EQ(said_of(watch.events(), puppet.pid()),
              (std::vector<std::string>{"initial 25", "exit selection"}));
}

}  // namespace
}  // namespace brink::live
