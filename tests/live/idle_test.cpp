// SPDX-License-Identifier: Apache-2.0
// No level crossed, no work: with a thousand watched processes brink is not woken once in a minute.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "brink_process.hpp"

namespace brink::live {
namespace {

TEST(Idle, NotWokenWhileNothingHappens) {
    const std::string processes = std::to_string(scaled("BRINK_LIVE_IDLE_PROCESSES", 1000));
    RunOptions options;
    options.watches = {"nofile=50,60%"};
    options.child.soft_limit = 100;
    BrinkRun run(options, {work("forker"), processes, "--gate"});
    ASSERT_TRUE(run.wait_ready()) << run.child().err();
    run.child().take_line();
    run.child().take_line();
    run.child().send("go");
    ASSERT_NE(run.child().take_line().find(processes + " alive"), std::string::npos)
        << run.child().err();
    const pid_t brink = run.child().pid();
    // Until it has come to rest after the start.
    ASSERT_TRUE(eventually([&] {
        const std::uint64_t before = context_switches(brink);
        std::this_thread::sleep_for(std::chrono::seconds(1));
        return context_switches(brink) == before;
    })) << "brink does not come to rest";
    const std::uint64_t before = context_switches(brink);
    ASSERT_GT(before, 0U);
    std::this_thread::sleep_for(std::chrono::seconds(scaled("BRINK_LIVE_IDLE_S", 60)));
    EXPECT_EQ(context_switches(brink), before) << "brink was woken";
    EXPECT_TRUE(run.events().empty());
    run.child().close_input();
    EXPECT_EQ(run.wait(), 0);
}

}  // namespace
}  // namespace brink::live
