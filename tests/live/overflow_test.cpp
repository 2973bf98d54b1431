// SPDX-License-Identifier: Apache-2.0
// A reader that is stopped while a million crossings happen: what was delivered and what `lost` states add up to all of
// them, and each `resync` says what is true.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "brink_process.hpp"

namespace brink::live {
namespace {

void stopped_reader(long crossings, unsigned final_count) {
    RunOptions options;
    options.watches = {"nofile=30"};
    Child workload({work("crossings"), std::to_string(crossings), "--level", "30", "--gate"},
                   {.soft_limit = 100});
    ASSERT_EQ(workload.take_line().substr(0, 5), "ready");
    BrinkWatch watch(workload.pid(), options);
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    watch.child().signal(SIGSTOP);
    ASSERT_TRUE(eventually([&] {
        return read_file("/proc/" + std::to_string(watch.child().pid()) + "/stat").find(") T ") !=
               std::string::npos;
    }));
    workload.send("go");
    ASSERT_EQ(workload.take_line(), "crossings: " + std::to_string(crossings) + ", count now " +
                                        std::to_string(final_count));
    ASSERT_EQ(workload.take_line().substr(0, 5), "ready");
    const auto in_proc = descriptor_count(workload.pid());
    ASSERT_EQ(in_proc, final_count);
    watch.child().signal(SIGCONT);
    ASSERT_TRUE(watch.wait_for_event([](const Event& event) { return type_of(event) == "resync"; }))
        << watch.child().err();
    workload.send("end");
    workload.wait();
    EXPECT_EQ(watch.wait(), 0);

    const Events events = watch.events();
    check_stream(events);
    long long delivered = 0;
    long long lost = 0;
    Events resyncs;
    bool gone = false;  // what comes after the last resync is the exit
    for (const Event& event : events) {
        if (type_of(event) == "resync") resyncs.push_back(event);
        if (type_of(event) == "lost") lost += number(event, "lost");
        if (type_of(event) == "crossing" && number(event, "usage") > 0) ++delivered;
        gone = gone || type_of(event) == "exit";
    }
    EXPECT_GT(lost, 0) << "nothing was lost: the test proves nothing";
    EXPECT_GT(delivered, 0);
    EXPECT_EQ(delivered + lost, crossings);
    EXPECT_TRUE(gone);
    ASSERT_FALSE(resyncs.empty());
    EXPECT_EQ(number(resyncs.back(), "usage"), *in_proc) << brief(resyncs.back());
    EXPECT_EQ(resyncs.back().value("pid", -1), workload.pid());
}

TEST(Overflow, AMillionCrossingsEndingBelow) {
    stopped_reader(scaled("BRINK_LIVE_CROSSINGS", 1000000), 29);
}
TEST(Overflow, EndingAboveTheLevel) {
    stopped_reader(scaled("BRINK_LIVE_CROSSINGS", 1000000) + 1, 30);
}

// The process ends while the reader is stopped and there is no room left: that it is gone must be
// said all the same, and the watch must end.
TEST(Overflow, TheEndIsNotLost) {
    const long crossings = scaled("BRINK_LIVE_CROSSINGS", 1000000) / 4;
    RunOptions options;
    options.watches = {"nofile=30"};
    Child workload({work("crossings"), std::to_string(crossings), "--level", "30", "--gate"},
                   {.soft_limit = 100});
    ASSERT_EQ(workload.take_line().substr(0, 5), "ready");
    BrinkWatch watch(workload.pid(), options);
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    watch.child().signal(SIGSTOP);
    workload.send("go");
    workload.take_line();
    workload.send("end");
    workload.wait();
    watch.child().signal(SIGCONT);
    EXPECT_EQ(watch.wait(), 0) << "the watch goes on for ever";
    const Events events = watch.events();
    check_stream(events);
    EXPECT_FALSE(of_type(events, "lost").empty());
    EXPECT_EQ(of_type(events, "exit").size(), 1U);
}

// A reader that keeps up loses nothing.
TEST(Overflow, AReaderThatKeepsUpLosesNothing) {
    const long crossings = scaled("BRINK_LIVE_CROSSINGS", 1000000) / 100;
    RunOptions options;
    options.watches = {"nofile=30"};
    options.child.soft_limit = 100;
    BrinkRun run(options, {work("crossings"), std::to_string(crossings), "--level", "30"});
    ASSERT_EQ(run.wait(), 0);
    const Events events = run.events();
    check_stream(events);
    EXPECT_TRUE(of_type(events, "lost").empty());
    EXPECT_EQ(of_type(events, "crossing").size(), static_cast<std::size_t>(crossings));
    check_alternation(events);
}

}  // namespace
}  // namespace brink::live
