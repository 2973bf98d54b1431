// SPDX-License-Identifier: Apache-2.0
// At the limit: the signal that comes before the program can go on, and the refusal that is reported when it came.
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>

#include "expected_events.hpp"

namespace brink::live {
namespace {

TEST(Signal, BeforeTheNextInstructionAThousandTimes) {
    const std::string times = std::to_string(scaled("BRINK_LIVE_SIGNALS", 1000));
    RunOptions options;
    options.watches = {"nofile=30"};
    options.actions = {"30=signal:TERM"};
    options.child.soft_limit = 100;
    BrinkRun run(options, {work("emfile_guard"), times, "--level", "30"});
    EXPECT_EQ(run.wait(), 0) << run.child().err();
    EXPECT_NE(run.child().out().find(times + " of " + times), std::string::npos)
        << run.child().out();
    const Events events = run.events();
    EXPECT_TRUE(of_type(events, "denied").empty());
    std::size_t ups = 0;
    for (const Event& event : of_type(events, "crossing"))
        ups += event.value("direction", "") == "up" ? 1U : 0U;
    EXPECT_EQ(std::to_string(ups), times);
}

// Only the level that was named sends it, and only on the way up.
TEST(Signal, OnlyAtTheNamedLevelOnTheWayUp) {
    RunOptions options;
    options.watches = {"nofile=20,30"};
    options.actions = {"30=signal:USR2"};
    options.child.soft_limit = 100;
    BrinkRun run(options, {work("puppet")});
    Puppet puppet(run);
    ASSERT_TRUE(puppet.to(29));
    ASSERT_TRUE(puppet.to(10));
    ASSERT_TRUE(puppet.to(29));
    puppet.child().send("to 30");
    EXPECT_EQ(run.wait(), 128 + SIGUSR2);
}

TEST(Signal, AlsoOnTheWayDownWhenNamedSo) {
    RunOptions options;
    options.watches = {"nofile=20"};
    options.actions = {"20:down=signal:USR2"};
    options.child.soft_limit = 100;
    BrinkRun run(options, {work("puppet")});
    Puppet puppet(run);
    ASSERT_TRUE(puppet.to(25));
    ASSERT_TRUE(puppet.to(20));
    puppet.child().send("to 19");
    EXPECT_EQ(run.wait(), 128 + SIGUSR2);
}

// EMFILE: who was refused, with which count and limit. Usage is above half of the limit when the watch begins, because
// far below it no refusal is looked for.
TEST(Denied, EmfileIsReported) {
    Puppet puppet({.soft_limit = 60});
    ASSERT_EQ(puppet("comm refused"), 0);
    ASSERT_TRUE(puppet.to(50));
    RunOptions options;
    options.watches = {"nofile=90%"};
    BrinkWatch watch(puppet.pid(), options);
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    ASSERT_TRUE(puppet.to(60));
    for (int i = 0; i < 3; ++i) ASSERT_EQ(puppet("open"), EMFILE);
    ASSERT_TRUE(puppet.to(59));
    ASSERT_EQ(puppet("pair"), EMFILE);  // room for one of two
    EXPECT_EQ(descriptor_count(puppet.pid()), 59U);
    ASSERT_EQ(puppet("open"), 0);
    puppet.child().send("exit 0");
    EXPECT_EQ(watch.wait(), 0);
    const Events events = watch.events();
    check_stream(events);
    const Events denied = of_type(events, "denied");
    ASSERT_EQ(denied.size(), 4U);
    for (std::size_t i = 0; i < denied.size(); ++i) {
        EXPECT_EQ(denied[i].value("errno", 0), EMFILE) << brief(denied[i]);
        EXPECT_EQ(denied[i].value("pid", 0), puppet.pid()) << brief(denied[i]);
        EXPECT_EQ(denied[i].value("tid", 0), puppet.pid()) << brief(denied[i]);
        EXPECT_EQ(denied[i].value("comm", ""), "refused") << brief(denied[i]);
        EXPECT_EQ(number(denied[i], "usage"), i < 3 ? 60 : 59) << brief(denied[i]);
        EXPECT_EQ(number(denied[i], "limit"), 60) << brief(denied[i]);
    }
    Oracle oracle({{"90%"}}, 50, 60);
    for (unsigned count = 51; count <= 60; ++count) oracle.step(count, 60, "up");
    oracle.exit(true);
    check_events(events, oracle.events());
}

// Failures for other reasons are none of the limit's.
TEST(Denied, OtherFailuresAreNot) {
    BrinkRun run({.watches = {"nofile=20"}, .child = {.soft_limit = 30}},
                 {"/bin/busybox", "sh", "-c", "cat /no/such/file; cat /no/such/file; exit 0"});
    run.wait();
    EXPECT_TRUE(of_type(run.events(), "denied").empty());
}

}  // namespace
}  // namespace brink::live
