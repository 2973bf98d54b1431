// SPDX-License-Identifier: Apache-2.0
// Resident memory is counted by the kernel in batches; within these every excursion is seen, up and down.
#include <gtest/gtest.h>

#include "actor.hpp"
#include "brink_process.hpp"

namespace brink::live {
namespace {

constexpr long long kPage = 4096;
constexpr long long kBatches =
    512;  // pages: more than three counters of a few processors keep back

TEST(ResidentMemory, EveryExcursionIsSeen) {
    const long times = repeated(400);
    const Actor actor;
    const auto row = row_of("rss", "pid", actor.pid());
    ASSERT_TRUE(row);
    const long long level = row->at("usage").get<long long>() + 2 * kBatches * kPage;
    BrinkWatch watch(actor.pid(), RunOptions{.watches = {"rss=" + std::to_string(level)}});
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    ASSERT_EQ(actor(Deed::breathe, 4 * kBatches, static_cast<std::uint64_t>(times)), 0);
    watch.child().signal(SIGTERM);
    EXPECT_EQ(watch.wait(), 0);
    const Events events = watch.events();
    check_stream(events);
    const Events crossings = of_type(events, "crossing");
    check_alternation(crossings);
    EXPECT_EQ(static_cast<long>(crossings.size()), 2 * times);
    for (const Event& crossing : crossings) {
        EXPECT_EQ(crossing.value("tid", 0), actor.pid()) << brief(crossing);
        const long long off = number(crossing, "usage") - level;
        if (crossing.value("direction", "") == "up") {
            EXPECT_LT(off, kBatches * kPage) << brief(crossing);
        }
    }
}

}  // namespace
}  // namespace brink::live
