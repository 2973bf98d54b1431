// SPDX-License-Identifier: Apache-2.0
// Which records follow from which readings.
#include "engine/poll_tally.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

namespace brink::engine {
namespace {

constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};

brink_level level(std::uint64_t value, brink_level_form form) {
    brink_level made{};
    made.value = value;
    made.form = static_cast<std::uint8_t>(form);
    return made;
}
brink_level percent(std::uint64_t n) { return level(n * 1000, BRINK_LEVEL_PERCENT); }
brink_level absolute(std::uint64_t n) { return level(n, BRINK_LEVEL_ABSOLUTE); }
brink_level below(std::uint64_t n) { return level(n, BRINK_LEVEL_BELOW); }

brink_watch watch_of(std::initializer_list<brink_level> levels,
                     std::uint32_t flags = BRINK_WATCH_UP | BRINK_WATCH_DOWN) {
    brink_watch watch{};
    for (const brink_level& one : levels) watch.levels[watch.n_levels++] = one;
    watch.flags = flags;
    return watch;
}

// Writes what a tally says as short words: "up80@85" is a crossing of the level that stands at 80
// upwards with usage 85, "!" after it is cause limit, "." cause exit.
class Script {
  public:
    explicit Script(brink_watch watch) : watch_(watch), tally_(watch_) {}

    std::string begin(std::uint64_t usage, std::uint64_t limit, bool armed = false) {
        tally_.begin({usage, limit, 4096}, armed, emit());
        return take();
    }
    std::string update(std::uint64_t usage, std::uint64_t limit) {
        tally_.update({usage, limit, 4096}, emit());
        return take();
    }
    std::string end(bool named, brink_exit_reason reason = BRINK_EXIT_ENDED) {
        tally_.end(named, reason, emit());
        return take();
    }
    [[nodiscard]] const PollTally& tally() const { return tally_; }
    [[nodiscard]] const std::vector<unsigned>& numbers() const { return numbers_; }
    [[nodiscard]] const std::vector<unsigned>& indices() const { return indices_; }

  private:
    PollTally::Emit emit() {
        return [this](brink_record& record) {
            numbers_.push_back(record.number);
            if (!text_.empty()) text_ += " ";
            switch (record.type) {
                case BRINK_RECORD_ARMED: text_ += "armed"; return;
                case BRINK_RECORD_INITIAL: text_ += "initial"; break;
                case BRINK_RECORD_EXIT:
                    text_ += "exit" + std::to_string(record.errno_value);
                    return;
                case BRINK_RECORD_LIMIT:
                    text_ += "limit" + std::to_string(record.old_limit) + ">" +
                             std::to_string(record.limit);
                    return;
                default: text_ += (record.flags & BRINK_RECORD_UP) != 0 ? "up" : "down";
            }
            indices_.push_back(record.level_index);
            text_ += std::to_string(record.level) + "@" + std::to_string(record.usage);
            if (record.cause == BRINK_CAUSE_LIMIT) text_ += "!";
            if (record.cause == BRINK_CAUSE_EXIT) text_ += ".";
        };
    }
    std::string take() { return std::exchange(text_, ""); }

    brink_watch watch_;
    PollTally tally_;
    std::string text_;
    std::vector<unsigned> numbers_;
    std::vector<unsigned> indices_;
};

TEST(PollTally, CrossesEveryLevelBothWaysInOrder) {
    Script script(watch_of({percent(95), percent(50), percent(80)}));
    EXPECT_EQ(script.begin(10, 100), "");
    EXPECT_EQ(script.update(50, 100), "up50@50");
    EXPECT_EQ(script.update(50, 100), "");
    EXPECT_EQ(script.update(99, 100), "up80@99 up95@99");
    EXPECT_EQ(script.update(49, 100), "down95@49 down80@49 down50@49");
    EXPECT_EQ(script.indices(), (std::vector<unsigned>{1, 2, 0, 0, 2, 1}));
    EXPECT_EQ(script.numbers(), (std::vector<unsigned>{0, 1, 2, 3, 4, 5}));
}

TEST(PollTally, InitialAscendingThenArmed) {
    Script script(watch_of({absolute(90), absolute(20), absolute(10)}));
    EXPECT_EQ(script.begin(20, 100, true), "initial10@20 initial20@20 armed");
    EXPECT_EQ(script.update(19, 100), "down20@19");
}

TEST(PollTally, OneDirectionOnly) {
    Script up(watch_of({absolute(10)}, BRINK_WATCH_UP));
    EXPECT_EQ(up.begin(0, 100), "");
    EXPECT_EQ(up.update(10, 100), "up10@10");
    EXPECT_EQ(up.update(9, 100), "");
    EXPECT_EQ(up.update(11, 100), "up10@11");
    EXPECT_EQ(up.end(false), "exit0");
    EXPECT_EQ(up.numbers(), (std::vector<unsigned>{0, 1, 2}));
    Script down(watch_of({absolute(10)}, BRINK_WATCH_DOWN));
    EXPECT_EQ(down.begin(12, 100), "initial10@12");
    EXPECT_EQ(down.update(9, 100), "down10@9");
    EXPECT_EQ(down.update(12, 100), "");
}

TEST(PollTally, RearmHoldsUntilTheLowerLevel) {
    brink_watch watch = watch_of({absolute(80), absolute(90)},
                                 BRINK_WATCH_UP | BRINK_WATCH_DOWN | BRINK_WATCH_REARM);
    watch.rearm = absolute(50);
    Script script(watch);
    EXPECT_EQ(script.begin(0, 100), "");
    EXPECT_EQ(script.update(95, 100), "up80@95 up90@95");
    EXPECT_EQ(script.update(60, 100), "");
    EXPECT_EQ(script.update(95, 100), "");
    EXPECT_EQ(script.update(49, 100), "down90@49 down80@49");
    EXPECT_EQ(script.update(80, 100), "up80@80");
}

TEST(PollTally, ALoweredLimitCrossesUp) {
    Script script(watch_of({percent(80), percent(50)}));
    EXPECT_EQ(script.begin(45, 100), "");
    EXPECT_EQ(script.update(45, 50), "limit100>50 up25@45! up40@45!");
    EXPECT_EQ(script.update(45, 1000), "limit50>1000 down800@45! down500@45!");
}

TEST(PollTally, LimitFirstThenUsage) {
    Script script(watch_of({percent(50)}));
    EXPECT_EQ(script.begin(45, 100), "");
    EXPECT_EQ(script.update(10, 80), "limit100>80 up40@45! down40@10");
}

TEST(PollTally, DormantLevelsWakeWithALimit) {
    Script script(watch_of({below(50), percent(80)}));
    EXPECT_EQ(script.begin(200, kUnlimited), "");
    EXPECT_EQ(script.update(201, kUnlimited), "");
    EXPECT_EQ(script.update(201, 220), "limit18446744073709551615>220 up170@201! up176@201!");
    EXPECT_EQ(script.update(201, kUnlimited),
              "limit220>18446744073709551615 down176@201! down170@201!");
}

// Where absolute and relative levels change places only sides count, not positions.
TEST(PollTally, MixedLevelsThatChangePlaces) {
    Script script(watch_of({absolute(60), percent(50)}));
    EXPECT_EQ(script.begin(55, 100), "initial50@55");
    EXPECT_EQ(script.update(55, 200), "limit100>200 down100@55!");
    EXPECT_EQ(script.update(70, 200), "up60@70");
    EXPECT_EQ(script.update(70, 130), "limit200>130 up65@70!");
    EXPECT_EQ(script.update(62, 130), "down65@62");
}

TEST(PollTally, ExitGoesDownHighestFirst) {
    Script script(watch_of({absolute(10), absolute(20)}));
    EXPECT_EQ(script.begin(25, 100), "initial10@25 initial20@25");
    EXPECT_EQ(script.end(false), "down20@0. down10@0. exit0");
}

TEST(PollTally, ExitOfTheNamedOrReportedOnly) {
    Script quiet(watch_of({absolute(10)}));
    EXPECT_EQ(quiet.begin(5, 100), "");
    EXPECT_EQ(quiet.end(false), "");
    Script named(watch_of({absolute(10)}));
    EXPECT_EQ(named.begin(5, 100), "");
    EXPECT_EQ(named.end(true), "exit0");
    Script pending(watch_of({absolute(10)}));
    EXPECT_EQ(pending.end(true), "exit0");
}

TEST(PollTally, WithdrawnWithoutGoingDown) {
    Script script(watch_of({absolute(10)}));
    EXPECT_EQ(script.begin(15, 100), "initial10@15");
    EXPECT_EQ(script.end(true, BRINK_EXIT_FORBIDDEN), "exit1");
}

TEST(PollTally, DistanceToTheNearestThreshold) {
    Script script(watch_of({absolute(50), absolute(80)}));
    EXPECT_EQ(script.begin(10, 100), "");
    EXPECT_EQ(script.tally().distance(10), 40U);
    (void)script.update(60, 100);
    EXPECT_EQ(script.tally().distance(60), 11U);
    (void)script.update(75, 100);
    EXPECT_EQ(script.tally().distance(75), 5U);
    Script dormant(watch_of({percent(50)}));
    EXPECT_EQ(dormant.begin(10, kUnlimited), "");
    EXPECT_EQ(dormant.tally().distance(10), kUnlimited);
}

}  // namespace
}  // namespace brink::engine
