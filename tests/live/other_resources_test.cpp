// SPDX-License-Identifier: Apache-2.0
// Watches on resources of processes without hooks, beside the hooks of those that have them.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "actor.hpp"
#include "watched.hpp"

namespace brink::live {
namespace {

TEST(OtherResources, BesideTheHooks) {
    const Actor actor;
    ASSERT_EQ(actor(Deed::set_limit, RLIMIT_NOFILE, 100), 0);
    Watched watched({"--pid", std::to_string(actor.pid())},
                    {"-w", "threads=3", "-w", "nofile=20%", "-w", "cpu=500ms"});
    ASSERT_TRUE((*watched).wait_for_error_line("watching .* with engine " + engine() +
                                               ".*cpu with engine timer"))
        << (*watched).err();
    for (int i = 0; i < 2; ++i) ASSERT_EQ(actor(Deed::start_thread), 0);
    for (int i = 0; i < 20; ++i) ASSERT_EQ(actor(Deed::duplicate, 0), 0);
    ASSERT_EQ(actor(Deed::set_limit, RLIMIT_CPU, 1), 0);
    ASSERT_EQ(actor(Deed::burn), 0);
    const Event threads = watched.wait("crossing", "threads", 3);
    ASSERT_FALSE(threads.is_null()) << (*watched).out();
    EXPECT_EQ(threads.value("engine", ""), engine());
    EXPECT_EQ(threads.value("watch", 0), 1);
    EXPECT_EQ(threads.value("usage", 0), 3);
    EXPECT_TRUE(threads.at("limit").is_null());
    const Event files = watched.wait("crossing", "nofile", 20);
    ASSERT_FALSE(files.is_null()) << (*watched).out();
    EXPECT_EQ(files.value("engine", ""), engine());
    EXPECT_EQ(files.value("watch", 0), 2);
    EXPECT_EQ(files.value("limit", 0), 100);
    const Event time = watched.wait("crossing", "cpu", 500'000'000);
    ASSERT_FALSE(time.is_null()) << (*watched).out();
    EXPECT_EQ(time.value("engine", ""), "timer");
    EXPECT_EQ(time.value("watch", 0), 3);
    EXPECT_GE(time.value("usage", 0), 500'000'000);
    watched.end();
}

// Of CPU time the kernel says when a level is reached: each of many once, in order, at or a little above it.
TEST(OtherResources, EveryLevelOfCpuTime) {
    const Actor actor;
    ASSERT_EQ(actor(Deed::set_limit, RLIMIT_CPU, 1), 0);
    Watched watched({"--pid", std::to_string(actor.pid())},
                    {"-w", "cpu=100ms,200ms,300ms,400ms,500ms,600ms,700ms,800ms,900ms"});
    ASSERT_TRUE((*watched).wait_for_error_line("watching .* with engine timer"));
    ASSERT_EQ(actor(Deed::burn), 0);  // until the kernel says that a second is over
    ASSERT_FALSE(watched.wait("crossing", "cpu", 900'000'000).is_null()) << (*watched).out();
    std::uint64_t expected = 100'000'000;
    std::uint64_t last = 0;
    for (const Event& event : of_type(parse_events((*watched).out()), "crossing")) {
        EXPECT_EQ(event.value("level", std::uint64_t{0}), expected);
        EXPECT_GE(event.value("usage", std::uint64_t{0}), std::max(expected, last));
        EXPECT_EQ(event.value("engine", ""), "timer");
        last = event.value("usage", std::uint64_t{0});
        expected += 100'000'000;
    }
    EXPECT_EQ(expected, 1'000'000'000U);
    watched.end();
}

// Relative levels follow a limit that is changed, in the unit of the resource.
TEST(OtherResources, LevelsFollowTheLimit) {
    const Actor actor;
    for (int i = 0; i < 300; ++i) ASSERT_EQ(actor(Deed::map), 0);
    Watched watched({"--pid", std::to_string(actor.pid())}, {"-w", "data=50%"});
    ASSERT_TRUE(
        (*watched).wait_for_error_line("level 50% of data is dormant: the limit is unlimited"))
        << (*watched).err();
    const auto row = row_of("data", "pid", actor.pid());
    ASSERT_TRUE(row);
    const auto usage = row->at("usage").get<std::uint64_t>();
    ASSERT_EQ(actor(Deed::set_limit, RLIMIT_DATA, 2 * usage), 0);
    const Event changed = watched.wait("limit_changed", "data");
    ASSERT_FALSE(changed.is_null());
    EXPECT_EQ(changed.value("limit", std::uint64_t{0}), 2 * usage);
    const Event crossing = watched.wait("crossing", "data", usage);
    ASSERT_FALSE(crossing.is_null());
    EXPECT_EQ(crossing.value("cause", ""), "limit");
    watched.end();
}

TEST(OtherResources, ASignalAtALevel) {
    const Actor actor;
    Watched watched({"--pid", std::to_string(actor.pid())},
                    {"-w", "threads=4", "--on", "4=signal:KILL"});
    ASSERT_TRUE((*watched).wait_for_error_line("^brink: watching"));
    for (int i = 0; i < 4; ++i) (void)actor(Deed::start_thread);
    EXPECT_FALSE(watched.wait("exit", "threads").is_null()) << (*watched).out();
    EXPECT_EQ(shell_status((*watched).wait()), 0);
}

}  // namespace
}  // namespace brink::live
