// SPDX-License-Identifier: Apache-2.0
#include "latency/processor_log.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace brink::latency {
namespace {

brink_log_entry switched(std::uint64_t ns, std::uint32_t pid, const char* comm) {
    brink_log_entry entry{};
    entry.ns = ns;
    entry.kind = BRINK_LOG_SWITCH;
    entry.ends = 1;
    entry.id = pid;
    std::snprintf(entry.comm, sizeof entry.comm, "%s", comm);
    return entry;
}

brink_log_entry interrupt(std::uint64_t ns, brink_log_kind kind, bool ends, std::uint32_t id) {
    brink_log_entry entry{};
    entry.ns = ns;
    entry.kind = static_cast<brink_u8>(kind);
    entry.ends = ends;
    entry.id = id;
    return entry;
}

// "task hog 30, softirq net_rx 5, …"
std::string text(const Culprit& culprit) {
    std::string text;
    for (const CulpritItem& item : culprit.items)
        text += (text.empty() ? "" : ", ") + item.kind + " " + item.name + " " +
                std::to_string(item.ns) + "x" + std::to_string(item.count);
    return text;
}

constexpr LogWindow kWindow{.cpu = 3, .from = 100, .to = 200, .whole = true};

TEST(ProcessorLog, WithoutEntriesItWasTheThreadItself) {
    EXPECT_EQ(text(culprit_of({}, kWindow)), "self  100x1");
}

TEST(ProcessorLog, ATaskHasItUntilItIsSwitchedAway) {
    const std::vector entries{switched(50, 7, "early"), switched(160, 8, "hog"),
                              switched(180, 0, "swapper/3")};
    const Culprit culprit = culprit_of(entries, kWindow);
    EXPECT_EQ(text(culprit), "task hog 60x1, idle  20x1, self  20x1");
    EXPECT_EQ(culprit.cpu, 3U);
    EXPECT_EQ(culprit.items[0].id, 8U);
    EXPECT_FALSE(culprit.items[1].id);
}

TEST(ProcessorLog, InterruptsAreTakenOutOfWhatTheyInterrupt) {
    const std::vector entries{interrupt(110, BRINK_LOG_INTERRUPT, false, BRINK_INTERRUPT_TIMER),
                              interrupt(120, BRINK_LOG_INTERRUPT, true, BRINK_INTERRUPT_TIMER),
                              interrupt(120, BRINK_LOG_SOFTIRQ, false, 3),
                              interrupt(130, BRINK_LOG_IRQ, false, 4000000),
                              interrupt(135, BRINK_LOG_IRQ, true, 4000000),
                              interrupt(150, BRINK_LOG_SOFTIRQ, true, 3),
                              switched(170, 8, "hog")};
    EXPECT_EQ(
        text(culprit_of(entries, kWindow)),
        "task hog 30x1, self  30x1, softirq net_rx 25x1, interrupt local timer 10x1, irq  5x1");
}

TEST(ProcessorLog, AnInterruptThatHadBegunBefore) {
    const std::vector entries{interrupt(130, BRINK_LOG_SOFTIRQ, true, 9), switched(150, 8, "hog")};
    EXPECT_EQ(text(culprit_of(entries, kWindow)), "self  50x1, softirq rcu 30x1, task hog 20x1");
}

// PREEMPT_RT: the softirq of a thread goes on when it has the processor again.
TEST(ProcessorLog, ASoftirqThatIsSwitchedAway) {
    const std::vector entries{interrupt(110, BRINK_LOG_SOFTIRQ, false, 1),
                              switched(120, 8, "ktimers/3"), switched(140, 9, "hog"),
                              interrupt(150, BRINK_LOG_SOFTIRQ, true, 1),
                              switched(160, 8, "ktimers/3")};
    EXPECT_EQ(text(culprit_of(entries, kWindow)),
              "self  40x1, task ktimers/3 20x1, softirq timer 20x2, task hog 20x1");
}

TEST(ProcessorLog, WhatIsNotKnownIsSaid) {
    LogWindow window = kWindow;
    window.whole = false;
    const std::vector entries{switched(140, 8, "hog")};
    EXPECT_EQ(text(culprit_of(entries, window)), "self  60x1, unknown  40x1");
    EXPECT_EQ(text(culprit_of({}, window)), "unknown  100x1");
}

TEST(ProcessorLog, ManyItemsAreBounded) {
    std::vector<brink_log_entry> entries;
    for (std::uint32_t i = 0; i < 90; ++i)
        entries.push_back(switched(101 + i, i + 1, std::to_string(i).c_str()));
    const Culprit culprit = culprit_of(entries, kWindow);
    EXPECT_EQ(culprit.items.size(), 16U);
    EXPECT_GT(culprit.omitted_ns, 0U);
}

// Whatever the entries are, every nanosecond has one owner.
RC_GTEST_PROP(ProcessorLogProperty, SharesAddUp, (std::vector<std::uint16_t> steps, bool whole)) {
    std::vector<brink_log_entry> entries;
    std::uint64_t ns = 90;
    for (const std::uint16_t step : steps) {
        ns += step % 7;
        entries.push_back(step & 8
                              ? switched(ns, step % 5, "task")
                              : interrupt(ns, step & 16 ? BRINK_LOG_SOFTIRQ : BRINK_LOG_INTERRUPT,
                                          step & 32, step % 3));
    }
    const Culprit culprit = culprit_of(entries, {.cpu = 0, .from = 100, .to = 200, .whole = whole});
    std::uint64_t sum = culprit.omitted_ns;
    for (const CulpritItem& item : culprit.items) sum += item.ns;
    RC_ASSERT(sum == 100U);
}

TEST(ProcessorLog, ACopyHasTheLastEntriesInOrder) {
    const auto log = std::make_unique<brink_cpu_log>();
    for (; log->head < BRINK_LOG_ENTRIES + 10; ++log->head)
        log->entries[log->head % BRINK_LOG_ENTRIES].ns = 1000 + log->head;
    LogCopy copy;
    copy.take(*log);
    ASSERT_EQ(copy.entries().size(), std::size_t{BRINK_LOG_ENTRIES});
    for (std::size_t i = 0; i < copy.entries().size(); ++i)
        EXPECT_EQ(copy.entries()[i].ns, 1010 + i);
    EXPECT_TRUE(copy.reaches(1010));
    EXPECT_FALSE(copy.reaches(1009));
}

}  // namespace
}  // namespace brink::latency
