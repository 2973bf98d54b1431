// SPDX-License-Identifier: Apache-2.0
#include "output/shared/standing.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "sink/sample_events.hpp"

namespace brink::output {
namespace {

Event at(Direction direction, std::uint64_t level, std::int32_t pid = 1) {
    Event event = sink::crossing(1, direction, level);
    event.level = level;
    event.level_as = std::to_string(level);
    event.pid = pid;
    return event;
}

// Against a plain model: the set of levels that each process stands above.
TEST(Standing, IsTheWorstLevelOfAnyProcess) {
    const unsigned seed = std::random_device()();
    std::mt19937 random(seed);
    Standing standing(0.9);
    std::map<std::pair<std::int32_t, std::uint64_t>, bool> above;
    for (int i = 0; i < 2000; ++i) {
        const std::uint64_t level = random() % 2 ? 500 : 1000;  // of 1024
        const auto pid = static_cast<std::int32_t>(random() % 3);
        if (random() % 10 == 0) {
            standing.take(sink::exited(1, pid, "x"));
            above.erase({pid, 500});
            above.erase({pid, 1000});
        } else {
            const bool up = random() % 2 != 0;
            standing.take(at(up ? Direction::up : Direction::down, level, pid));
            above[{pid, level}] = up;
        }
        Status worst = Status::ok;
        for (const auto& [key, is] : above)
            if (is)
                worst = std::max(worst, key.second == 1000 ? Status::critical : Status::warning);
        ASSERT_EQ(standing.status(), worst) << "seed " << seed << ", step " << i;
    }
}

TEST(Standing, ARefusalIsCriticalUntilUsageFallsBelowALevel) {
    Standing standing(0.9);
    standing.take(at(Direction::up, 500));
    Event denied = sink::subject_event(EventType::denied, 2);
    denied.pid = 1;
    standing.take(denied);
    EXPECT_EQ(standing.status(), Status::critical);
    standing.take(at(Direction::down, 500));
    EXPECT_EQ(standing.status(), Status::ok);
}

TEST(Standing, AResyncTakesDownWhatIsAboveTheUsage) {
    Standing standing(0.9);
    standing.take(at(Direction::up, 500));
    standing.take(at(Direction::up, 1000));
    Event resync = sink::subject_event(EventType::resync, 3);
    resync.pid = 1;
    resync.usage = 700;
    standing.take(resync);
    EXPECT_EQ(standing.status(), Status::warning);
}

TEST(Standing, PerformanceData) {
    Standing standing(0.9);
    standing.take(at(Direction::up, 820));
    EXPECT_EQ(standing.performance(), "'nofile'=820;;922;0;1024");
    Event time = at(Direction::up, 2'500'000'000);
    time.unit = "ns";
    time.limit = 10'000'000'000;
    standing.take(time);
    EXPECT_EQ(standing.performance(), "'nofile'=2.5s;;9;0;10");
    Event unlimited = at(Direction::up, 7);
    unlimited.unit = "By";
    unlimited.limit = {};
    standing.take(unlimited);
    EXPECT_EQ(standing.performance(), "'nofile'=7B;;;0");
}

}  // namespace
}  // namespace brink::output
