// SPDX-License-Identifier: Apache-2.0
#include "relay/back_off.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <climits>
#include <set>

namespace brink::relay {
namespace {

TEST(BackOff, DoublesUpToTheBoundAndIsShortenedByUpToAHalf) {
    for (unsigned seed = 1; seed < 200; ++seed) {
        BackOff back_off(100, 1000, seed);
        for (const int full : {100, 200, 400, 800, 1000, 1000}) {
            const int wait_ms = back_off.next_ms();
            EXPECT_LE(wait_ms, full) << "seed " << seed;
            EXPECT_GE(wait_ms, full / 2) << "seed " << seed;
        }
        back_off.reset();
        EXPECT_LE(back_off.next_ms(), 100);
    }
}

TEST(BackOff, MachinesDoNotComeBackTogether) {
    std::set<int> waits;
    for (unsigned seed = 1; seed <= 100; ++seed)
        waits.insert(BackOff(10'000, 10'000, seed).next_ms());
    EXPECT_GT(waits.size(), 80U);
}

TEST(BackOff, DoesNotOverflow) {
    BackOff back_off(1, INT_MAX, 7);
    for (int i = 0; i < 100; ++i) ASSERT_GT(back_off.next_ms(), 0);
}

}  // namespace
}  // namespace brink::relay
