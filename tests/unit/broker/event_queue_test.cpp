// SPDX-License-Identifier: Apache-2.0
#include "broker/event_queue.hpp"

#include <gtest/gtest.h>

namespace brink::broker {
namespace {

constexpr std::size_t kMuch = 1U << 20U;

brink_event crossing(std::uint64_t subject) {
    brink_event event{};
    event.type = BRINK_EVENT_CROSSING;
    event.subject = subject;
    return event;
}

brink_event exit_of(std::uint64_t subject) {
    brink_event event = crossing(subject);
    event.type = BRINK_EVENT_EXIT;
    return event;
}

TEST(EventQueue, NumbersFromOne) {
    std::size_t bytes = 0;
    EventQueue queue(100, bytes, kMuch);
    queue.push(crossing(1));
    queue.push(crossing(2));
    EXPECT_EQ(queue.at(0).seq, 1U);
    EXPECT_EQ(queue.at(1).seq, 2U);
    EXPECT_EQ(bytes, 2 * sizeof(brink_event));
}

TEST(EventQueue, SaysWhatWasLostWhenHalfIsRead) {
    std::size_t bytes = 0;
    EventQueue queue(20, bytes, kMuch);
    for (std::uint64_t i = 1; i <= 27; ++i) queue.push(crossing(i));
    EXPECT_EQ(queue.size(), 20U);
    EXPECT_TRUE(queue.take_affected(100).empty()) << "not before the loss is said";
    queue.pop(9);
    EXPECT_EQ(queue.size(), 11U);
    queue.push(crossing(28));  // nothing overtakes what is lost
    EXPECT_EQ(queue.size(), 11U);
    queue.pop(1);
    ASSERT_EQ(queue.size(), 11U);
    EXPECT_EQ(queue.at(10).type, std::uint32_t{BRINK_EVENT_LOST});
    EXPECT_EQ(queue.at(10).count, 8U);
    EXPECT_EQ(queue.at(10).seq, 29U);
    EXPECT_EQ(queue.take_affected(100).size(), 5U) << "as many as there is room for";
    queue.pop(11);
    EXPECT_EQ(queue.take_affected(100).size(), 3U);
    EXPECT_TRUE(queue.take_affected(100).empty());
}

TEST(EventQueue, AnEndIsNotLost) {
    std::size_t bytes = 0;
    EventQueue queue(16, bytes, kMuch);
    for (int i = 0; i < 17; ++i) queue.push(crossing(7));
    queue.push(exit_of(7));
    queue.pop(8);
    ASSERT_EQ(queue.size(), 10U);
    EXPECT_EQ(queue.at(8).type, std::uint32_t{BRINK_EVENT_LOST});
    EXPECT_EQ(queue.at(8).count, 1U);
    EXPECT_EQ(queue.at(9).type, std::uint32_t{BRINK_EVENT_EXIT});
    EXPECT_EQ(queue.at(9).seq, queue.at(8).seq + 1);
    EXPECT_TRUE(queue.take_affected(100).empty()) << "it is known where that one stands";
}

TEST(EventQueue, RepliesAreNeverDropped) {
    std::size_t bytes = 0;
    EventQueue queue(16, bytes, kMuch);
    for (int i = 0; i < 20; ++i) queue.push(crossing(1));
    brink_event reply{};
    reply.type = BRINK_EVENT_REPLY;
    for (int i = 0; i < 5; ++i) queue.reply(reply);
    EXPECT_EQ(queue.size(), 21U);
    EXPECT_EQ(queue.replies(), 5U);
    queue.pop(21);
    EXPECT_EQ(queue.replies(), 0U);
}

TEST(EventQueue, OneUsersQueuesShareTheirRoom) {
    std::size_t bytes = 0;
    EventQueue other(100, bytes, 40 * sizeof(brink_event));
    EventQueue queue(100, bytes, 40 * sizeof(brink_event));
    for (int i = 0; i < 60; ++i) other.push(crossing(1));
    EXPECT_EQ(other.size(), 40U);
    for (int i = 0; i < 60; ++i) queue.push(crossing(1));
    EXPECT_EQ(queue.size(), 16U) << "each has a little of its own";
}

}  // namespace
}  // namespace brink::broker
