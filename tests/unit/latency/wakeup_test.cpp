// SPDX-License-Identifier: Apache-2.0
#include "latency/wakeup.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <numeric>

namespace brink::latency {
namespace {

TEST(Wakeup, PartsLieBetweenTheMoments) {
    const Parts parts = parts_of({1000, 1010, 1013, 1050, 1057});
    EXPECT_EQ(parts.whole, 57U);
    EXPECT_EQ(parts.part, (std::array<std::uint64_t, kPhases>{10, 3, 37, 7}));
}

// The clocks may differ by some nanoseconds.
TEST(Wakeup, AMomentBeforeTheOneBeforeCountsAsThere) {
    const Parts parts = parts_of({1000, 990, 1010, 1060, 1050});
    EXPECT_EQ(parts.part, (std::array<std::uint64_t, kPhases>{0, 10, 40, 0}));
    EXPECT_EQ(parts.whole, 50U);
}

RC_GTEST_PROP(WakeupProperty, PartsAddUpToTheWhole,
              (std::uint32_t expiry, std::uint32_t handler, std::uint32_t waking,
               std::uint32_t running, std::uint32_t returned)) {
    const Parts parts = parts_of({expiry, handler, waking, running, returned});
    RC_ASSERT(std::accumulate(parts.part.begin(), parts.part.end(), std::uint64_t{0}) ==
              parts.whole);
    RC_ASSERT(parts.whole == (returned > expiry ? returned - expiry : 0));
}

}  // namespace
}  // namespace brink::latency
