// SPDX-License-Identifier: Apache-2.0
#include "engine/record_order.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

namespace brink::engine {
namespace {

// Tally 1, its records as the hooks would write them, and what is handed over as text: "c5" for a crossing with
// number 5, "s5" for one with its stack, "lost2", "exit".
class RecordOrderTest : public testing::Test {
  protected:
    [[nodiscard]] brink_record record(unsigned number,
                                      brink_record_type type = BRINK_RECORD_CROSSING) {
        brink_record made{};
        made.type = type;
        made.tally = 1;
        made.generation = tally_.generation;
        made.number = static_cast<brink_u16>(number);
        made.pid = 42;
        made.monotonic_ns = ++clock_;
        return made;
    }
    void take(unsigned number, brink_record_type type = BRINK_RECORD_CROSSING) {
        order_.take(record(number, type), reader());
    }
    void take_stack(unsigned number) {
        auto stack = std::make_unique<brink_stack_record>();
        stack->tally = 1;
        stack->generation = tally_.generation;
        stack->number = static_cast<brink_u16>(number);
        order_.take(*stack, reader());
    }
    [[nodiscard]] RecordOrder::Reader reader() {
        return [this](const brink_record& handed, const brink_stack_record* stack) {
            std::string text;
            switch (handed.type) {
                case BRINK_RECORD_LOST: text = "lost" + std::to_string(handed.usage); break;
                case BRINK_RECORD_EXIT:
                    text = "exit";
                    EXPECT_EQ(handed.pid, 42U);
                    break;
                default:
                    text = (stack ? "s" : "c") + std::to_string(handed.number);
                    if (stack) {
                        EXPECT_EQ(stack->number, handed.number);
                    }
            }
            all_ += (all_.empty() ? "" : " ") + text;
        };
    }
    [[nodiscard]] std::string handed() { return std::exchange(all_, {}); }

    brink_tally tally_{};
    RecordOrder order_{[this](std::uint32_t) -> const brink_tally& { return tally_; }};
    std::string all_;
    brink_u64 clock_ = 0;
};

TEST_F(RecordOrderTest, LateOnesAreWaitedFor) {
    take(1);
    take(3);
    take(2);
    EXPECT_EQ(handed(), "");
    EXPECT_TRUE(order_.waiting());
    take(0);
    EXPECT_EQ(handed(), "c0 c1 c2 c3");
    EXPECT_FALSE(order_.waiting());
}

TEST_F(RecordOrderTest, NumbersWrap) {
    for (unsigned number = 0; number < 65535; ++number) take(number);
    (void)handed();
    take(65536);
    take(65535);
    take(65537);
    EXPECT_EQ(handed(), "c65535 c0 c1");
}

TEST_F(RecordOrderTest, AStackGoesWithItsRecordAlsoWhereThatWaits) {
    take_stack(1);
    take(1);
    take_stack(0);
    take(0);
    take(2);
    EXPECT_EQ(handed(), "s0 s1 c2");
}

TEST_F(RecordOrderTest, AStackWhoseRecordFoundNoRoomIsNotAnothers) {
    take_stack(0);
    tally_.dropped = 1;
    take(1);
    EXPECT_EQ(handed(), "lost1 c1");
}

TEST_F(RecordOrderTest, WhatFoundNoRoomIsSaidWhereItIsMissing) {
    take(0);
    tally_.dropped = 2;
    take(3);
    take(4);
    EXPECT_EQ(handed(), "c0 lost2 c3 c4");
    EXPECT_TRUE(order_.close_gap(1, reader())) << "the present state is due";
    take(5, BRINK_RECORD_RESYNC);
    EXPECT_FALSE(order_.close_gap(1, reader())) << "and has been said";
    tally_.dropped = 3;
    take(7);
    EXPECT_EQ(handed(), "c5 lost1 c7");
    EXPECT_TRUE(order_.close_gap(1, reader())) << "after every gap";
}

TEST_F(RecordOrderTest, MoreThanTheNumbersCanTell) {
    take(0);
    tally_.dropped = 65536 + 2;
    take(3);
    EXPECT_EQ(handed(), "c0 lost65538 c3");
}

// Two gaps, and records that were held for what did not come.
TEST_F(RecordOrderTest, EveryGapIsSaidInItsPlace) {
    take(0);
    take(2);
    take(5);
    EXPECT_EQ(handed(), "c0");
    tally_.dropped = 3;
    EXPECT_TRUE(order_.close_gap(1, reader()));
    EXPECT_EQ(handed(), "lost1 c2 lost2 c5");
    take(6, BRINK_RECORD_RESYNC);
    EXPECT_EQ(handed(), "c6");
}

// Nothing comes after the last ones that would show the gap, but the state that is said then.
TEST_F(RecordOrderTest, AGapAtTheEndIsSaidBeforeTheState) {
    take(0);
    tally_.dropped = 4;
    EXPECT_TRUE(order_.close_gap(1, reader()));
    take(5, BRINK_RECORD_RESYNC);
    EXPECT_EQ(handed(), "c0 lost4 c5");
    take(6);
    EXPECT_EQ(handed(), "c6");
}

// One was dropped, the other is only late: it is not lost, and not waited for again.
TEST_F(RecordOrderTest, ALateOneBesideADroppedOne) {
    take(0);
    take(3);
    tally_.dropped = 1;
    EXPECT_TRUE(order_.close_gap(1, reader()));
    EXPECT_EQ(handed(), "c0 lost1 c3");
    take(2);
    take(4);
    take(5);
    EXPECT_EQ(handed(), "c2 c4 c5");
}

TEST_F(RecordOrderTest, NobodyIsWaitedForForEver) {
    for (unsigned number = 1; number <= 16384; ++number) take(number);
    EXPECT_EQ(handed(), "");
    take(16385);
    EXPECT_EQ(handed().substr(0, 8), "c1 c2 c3");
    EXPECT_FALSE(order_.waiting());
    (void)handed();
    take(16386);
    take(0);
    take(16387);
    EXPECT_EQ(handed(), "c16386 c0 c16387");
}

TEST_F(RecordOrderTest, ExitIsSaidOnce) {
    take(0);
    take(1, BRINK_RECORD_EXIT);
    ++tally_.generation;
    order_.end_the_gone(reader());
    EXPECT_EQ(handed(), "c0 exit");
}

TEST_F(RecordOrderTest, ExitThatWaitedIsSaidOnce) {
    take(0);
    take(2, BRINK_RECORD_EXIT);
    tally_.dropped = 1;
    EXPECT_TRUE(order_.close_gap(1, reader()));
    tally_.dropped = 0;
    ++tally_.generation;
    order_.end_the_gone(reader());
    EXPECT_EQ(handed(), "c0 lost1 exit");
}

TEST_F(RecordOrderTest, ExitThatFoundNoRoomIsSaidOnce) {
    take(0);
    ++tally_.generation;
    order_.end_the_gone(reader());
    EXPECT_EQ(handed(), "c0 exit");
    order_.end_the_gone(reader());
    EXPECT_EQ(handed(), "");
}

TEST_F(RecordOrderTest, ExitThatFoundNoRoomIsSaidBeforeTheNextOwner) {
    take(0);
    take(2);
    ++tally_.generation;
    take(0);
    EXPECT_EQ(handed(), "c0 c2 exit c0");
}

// A named subject of which nothing was ever reported.
TEST_F(RecordOrderTest, ANamedSubjectEndsAlsoIfExitIsAllThatWasLost) {
    order_.begin(record(0));
    ++tally_.generation;
    order_.end_the_gone(reader());
    EXPECT_EQ(handed(), "exit");
}

}  // namespace
}  // namespace brink::engine
