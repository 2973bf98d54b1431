// SPDX-License-Identifier: Apache-2.0
// Excursions around levels as fast as a program can make them, and hovering beside one.
#include <gtest/gtest.h>

#include "expected_events.hpp"

namespace brink::live {
namespace {

// 1 up and 1 down for each level and excursion, exactly, whatever the speed.
TEST(Excursions, AThousandUpAndAThousandDown) {
    constexpr unsigned kTimes = 1000;
    RunOptions options;
    options.watches = {"nofile=41,43"};
    options.child.soft_limit = 256;
    BrinkRun run(options, {work("excursion"), std::to_string(kTimes), "--from", "40"});
    ASSERT_EQ(run.wait(), 0) << run.child().out();
    ASSERT_NE(run.child().out().find("1000 times"), std::string::npos);
    const Events events = run.events();
    check_stream(events);
    Oracle oracle({{"41", "43"}}, 3, 256);
    oracle.step(40, 256, "before");
    for (unsigned i = 0; i < kTimes; ++i)
        for (const unsigned count : {41U, 42U, 43U, 42U, 41U, 40U})
            oracle.step(count, 256, "excursion " + std::to_string(i));
    oracle.exit(true);
    check_events(events, oracle.events());
    EXPECT_EQ(of_type(events, "crossing").size(), 4 * kTimes);
}

// Between two and one below the level: silence. A counter that is one off would speak.
TEST(Excursions, HoveringBelowALevelSaysNothing) {
    RunOptions options;
    options.watches = {"nofile=40"};
    options.child.soft_limit = 256;
    BrinkRun run(options, {work("excursion"), "20000", "--from", "38", "--hover"});
    ASSERT_EQ(run.wait(), 0);
    const Events events = run.events();
    EXPECT_TRUE(of_type(events, "crossing").empty()) << brief(of_type(events, "crossing").front());
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(type_of(events.front()), "exit");
}

// The same above it, and with a large table.
TEST(Excursions, HoveringAboveALevelSaysItOnce) {
    RunOptions options;
    options.watches = {"nofile=1000"};
    options.child.soft_limit = 4096;
    BrinkRun run(options, {work("excursion"), "20000", "--from", "1000", "--hover", "--close-all"});
    ASSERT_EQ(run.wait(), 0);
    Oracle oracle({{"1000"}}, 3, 4096);
    oracle.step(1000, 4096, "up");
    oracle.step(999, 4096, "down");
    oracle.exit(true);
    check_events(run.events(), oracle.events());
}

// With :rearm a program that bounces on the level is heard once, until it falls below the lower mark.
TEST(Excursions, RearmSilencesTheBouncing) {
    RunOptions options;
    options.watches = {"nofile=42:rearm=38"};
    options.child.soft_limit = 256;
    BrinkRun run(options, {work("excursion"), "1000", "--from", "40", "--close-all"});
    ASSERT_EQ(run.wait(), 0);
    Oracle oracle({{"42"}, true, true, "38"}, 3, 256);
    oracle.step(42, 256, "up");
    oracle.step(37, 256, "closed");
    oracle.exit(true);
    check_events(run.events(), oracle.events());
}

TEST(Excursions, OneDirectionOnly) {
    for (const bool up : {true, false}) {
        RunOptions options;
        options.watches = {up ? "nofile=42:up" : "nofile=42:down"};
        options.child.soft_limit = 256;
        BrinkRun run(options, {work("excursion"), "1000", "--from", "40"});
        ASSERT_EQ(run.wait(), 0);
        const Events crossings = of_type(run.events(), "crossing");
        EXPECT_EQ(crossings.size(), 1000U);
        for (const Event& event : crossings)
            ASSERT_EQ(event.value("direction", ""), up ? "up" : "down") << brief(event);
    }
}

}  // namespace
}  // namespace brink::live
