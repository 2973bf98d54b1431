// SPDX-License-Identifier: Apache-2.0
// levels.h is shared with the kernel; here it is held against a model that says the same thing in
// the plainest way.
#include "bpf/levels.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

namespace {

using Wide = unsigned __int128;

constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};

struct ModelLevel {
    std::uint32_t form;
    std::uint64_t value;
};

std::uint64_t model_at(const ModelLevel& level, std::uint64_t limit) {
    Wide at = 0;
    if (level.form == BRINK_LEVEL_ABSOLUTE)
        at = level.value;
    else if (limit >= BRINK_NEVER)
        return BRINK_NEVER;
    else if (level.form == BRINK_LEVEL_PERCENT)
        at = (Wide{limit} * level.value + 99'999) / 100'000;
    else
        at = level.value < limit ? limit - level.value : 0;
    return at == 0 || at >= BRINK_NEVER ? BRINK_NEVER : static_cast<std::uint64_t>(at);
}

// Which levels are passed, each on its own.
class Model {
  public:
    Model(const std::vector<ModelLevel>& levels, const ModelLevel* rearm, std::uint64_t limit)
        : passed_(levels.size(), false) {
        for (const ModelLevel& level : levels) at_.push_back(model_at(level, limit));
        if (rearm == nullptr) return;
        rearm_ = std::min(model_at(*rearm, limit), *std::min_element(at_.begin(), at_.end()));
        has_rearm_ = true;
    }

    void set(std::uint64_t usage) {
        for (std::size_t i = 0; i < at_.size(); ++i) {
            const std::uint64_t falls_below = has_rearm_ ? rearm_ : at_[i];
            if (passed_[i] && usage < falls_below) passed_[i] = false;
            if (usage >= at_[i]) passed_[i] = true;
        }
    }

    [[nodiscard]] std::uint32_t position() const {
        return static_cast<std::uint32_t>(std::count(passed_.begin(), passed_.end(), true));
    }
    [[nodiscard]] const std::vector<std::uint64_t>& at() const { return at_; }
    [[nodiscard]] bool passed(std::size_t level) const { return passed_[level]; }

  private:
    std::vector<std::uint64_t> at_;
    std::vector<bool> passed_;
    std::uint64_t rearm_ = 0;
    bool has_rearm_ = false;
};

brink_watch make_watch(const std::vector<ModelLevel>& levels, const ModelLevel* rearm) {
    brink_watch watch{};
    for (std::size_t i = 0; i < levels.size(); ++i) {
        watch.levels[i].form = static_cast<brink_u8>(levels[i].form);
        watch.levels[i].value = levels[i].value;
    }
    watch.n_levels = static_cast<brink_u32>(levels.size());
    if (rearm != nullptr) {
        watch.flags = BRINK_WATCH_REARM;
        watch.rearm.form = static_cast<brink_u8>(rearm->form);
        watch.rearm.value = rearm->value;
    }
    return watch;
}

rc::Gen<ModelLevel> any_level(std::uint64_t largest) {
    return rc::gen::mapcat(rc::gen::inRange<std::uint32_t>(0, 3), [=](std::uint32_t form) {
        const std::uint64_t most = form == BRINK_LEVEL_PERCENT ? 100'000 : largest;
        return rc::gen::map(rc::gen::inRange<std::uint64_t>(1, most + 1), [=](std::uint64_t value) {
            return ModelLevel{form, value};
        });
    });
}

std::vector<ModelLevel> some_levels(std::uint64_t largest) {
    const auto count = *rc::gen::resize(100,
                                        rc::gen::inRange<std::size_t>(1, BRINK_MAX_LEVELS + 1));
    return *rc::gen::container<std::vector<ModelLevel>>(count, any_level(largest));
}

TEST(Levels, RoundPercentUp) {
    EXPECT_EQ(brink_level_at(BRINK_LEVEL_PERCENT, 80'000, 1024), 820U);
    EXPECT_EQ(brink_level_at(BRINK_LEVEL_PERCENT, 80'000, 5), 4U);
    EXPECT_EQ(brink_level_at(BRINK_LEVEL_PERCENT, 1, 1), 1U);
    EXPECT_EQ(brink_level_at(BRINK_LEVEL_PERCENT, 100'000, 1024), 1024U);
    EXPECT_EQ(brink_level_at(BRINK_LEVEL_PERCENT, 100'000, BRINK_NEVER - 1), BRINK_NEVER - 1);
}

TEST(Levels, AreDormantWhereTheyCannotBeReached) {
    EXPECT_EQ(brink_level_at(BRINK_LEVEL_PERCENT, 80'000, kUnlimited), BRINK_NEVER);
    EXPECT_EQ(brink_level_at(BRINK_LEVEL_BELOW, 50, kUnlimited), BRINK_NEVER);
    EXPECT_EQ(brink_level_at(BRINK_LEVEL_BELOW, 50, 40), BRINK_NEVER);
    EXPECT_EQ(brink_level_at(BRINK_LEVEL_BELOW, 50, 50), BRINK_NEVER);
    EXPECT_EQ(brink_level_at(BRINK_LEVEL_BELOW, 50, 51), 1U);
    EXPECT_EQ(brink_level_at(BRINK_LEVEL_PERCENT, 80'000, 0), BRINK_NEVER);
    EXPECT_EQ(brink_level_at(BRINK_LEVEL_ABSOLUTE, kUnlimited, 40), BRINK_NEVER);
}

TEST(Levels, HysteresisHoldsEveryLevelUntilRearm) {
    const ModelLevel rearm{BRINK_LEVEL_ABSOLUTE, 3};
    const brink_watch watch = make_watch({{BRINK_LEVEL_ABSOLUTE, 10}, {BRINK_LEVEL_ABSOLUTE, 5}},
                                         &rearm);
    brink_bounds bounds{};
    brink_set_bounds(&bounds, &watch, 100);
    std::uint32_t position = 0;
    std::vector<std::uint32_t> seen;
    for (const unsigned usage : {4U, 5U, 10U, 6U, 4U, 3U, 10U, 2U, 5U}) {
        position = brink_position(&bounds, position, usage);
        seen.push_back(position);
    }
    EXPECT_EQ(seen, (std::vector<std::uint32_t>{0, 1, 2, 2, 2, 2, 2, 0, 1}));
}

TEST(Levels, AllThatFitAreCounted) {
    std::vector<ModelLevel> levels;
    for (std::uint64_t at = BRINK_MAX_LEVELS; at > 0; --at)
        levels.push_back({BRINK_LEVEL_ABSOLUTE, at});
    const brink_watch watch = make_watch(levels, nullptr);
    brink_bounds bounds{};
    brink_set_bounds(&bounds, &watch, 100);
    for (std::uint32_t usage = 0; usage <= BRINK_MAX_LEVELS; ++usage)
        EXPECT_EQ(brink_position(&bounds, 0, usage), usage);
    EXPECT_EQ(brink_position(&bounds, BRINK_MAX_LEVELS, 1'000'000), BRINK_MAX_LEVELS);
    EXPECT_EQ(brink_position(&bounds, BRINK_MAX_LEVELS, 0), 0U);
}

RC_GTEST_PROP(LevelsProperty, PercentIsExact, ()) {
    const auto limit = *rc::gen::arbitrary<std::uint64_t>() >> *rc::gen::inRange(0, 64);
    const auto value = *rc::gen::resize(100, rc::gen::inRange<std::uint64_t>(1, 100'001));
    RC_ASSERT(brink_level_at(BRINK_LEVEL_PERCENT, value, limit) ==
              model_at({BRINK_LEVEL_PERCENT, value}, limit));
}

RC_GTEST_PROP(LevelsProperty, BoundsAreTheSortedThresholds, ()) {
    const auto limit = *rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(0, 3000),
                                       rc::gen::just(kUnlimited),
                                       rc::gen::arbitrary<std::uint64_t>());
    const auto levels = some_levels(4000);
    const brink_watch watch = make_watch(levels, nullptr);
    brink_bounds bounds{};
    brink_set_bounds(&bounds, &watch, limit);

    std::vector<std::uint64_t> expected = Model(levels, nullptr, limit).at();
    std::sort(expected.begin(), expected.end());
    expected.resize(BRINK_MAX_LEVELS, BRINK_NEVER);
    RC_ASSERT(std::vector<std::uint64_t>(bounds.at + 1, bounds.at + 1 + BRINK_MAX_LEVELS) ==
              expected);
    RC_ASSERT(bounds.at[0] == 0U);
    RC_ASSERT(bounds.at[BRINK_MAX_LEVELS + 1] == BRINK_NEVER);

    std::vector<bool> named(BRINK_MAX_LEVELS, false);
    for (std::size_t i = 0; i < BRINK_MAX_LEVELS; ++i) {
        const std::size_t level = bounds.order[i];
        RC_ASSERT(!named.at(level));
        named[level] = true;
        if (level < levels.size()) RC_ASSERT(model_at(levels[level], limit) == bounds.at[i + 1]);
    }
}

// A walk by ones, by leaps and to the thresholds themselves, under limits that change.
RC_GTEST_PROP(LevelsProperty, PositionFollowsTheModel, (bool with_rearm)) {
    const auto limit = *rc::gen::inRange<std::uint64_t>(1, 300);
    const auto levels = some_levels(320);
    const ModelLevel rearm = *any_level(320);
    const ModelLevel* const chosen = with_rearm ? &rearm : nullptr;
    const brink_watch watch = make_watch(levels, chosen);
    brink_bounds bounds{};
    brink_set_bounds(&bounds, &watch, limit);
    Model model(levels, chosen, limit);

    std::uint64_t usage = 0;
    std::uint32_t position = 0;
    for (int step = 0; step < 200; ++step) {
        switch (*rc::gen::inRange(0, 4)) {
            case 0: ++usage; break;
            case 1: usage -= usage > 0 ? 1 : 0; break;
            case 2: usage = *rc::gen::inRange<std::uint64_t>(0, 330); break;
            default: {
                const std::uint64_t at = *rc::gen::elementOf(model.at());
                usage = at == BRINK_NEVER ? usage : at - *rc::gen::inRange<std::uint64_t>(0, 2);
            }
        }
        position = brink_position(&bounds, position, usage);
        model.set(usage);
        RC_ASSERT(position == model.position());
        for (std::uint32_t p = 0; p < position; ++p) RC_ASSERT(model.passed(bounds.order[p]));
    }
}

}  // namespace
