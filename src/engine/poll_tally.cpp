// SPDX-License-Identifier: Apache-2.0
// From readings to records. A level's rank is its place among the thresholds, 1 for the lowest;
// ranks up to position_ are passed.
#include "engine/poll_tally.hpp"

#include <algorithm>
#include <array>

#include "bpf/levels.h"

namespace brink::engine {
namespace {

using Sides = std::array<bool, BRINK_MAX_LEVELS>;

// By level index: whether the level is passed, which is to be among the first `position` ranks.
Sides sides_of(const brink_bounds& bounds, std::uint32_t position) {
    Sides passed{};
    for (std::uint32_t rank = 1; rank <= BRINK_MAX_LEVELS; ++rank)
        passed[bounds.order[rank - 1]] = rank <= position;
    return passed;
}

}  // namespace

void PollTally::begin(const resource::Reading& reading, bool armed, const Emit& emit) {
    now_ = reading;
    brink_set_bounds(&bounds_, watch_, now_.limit);
    position_ = brink_position(&bounds_, 0, now_.usage);
    for (std::uint32_t rank = 1; rank <= position_; ++rank) {
        brink_record record = blank(BRINK_RECORD_INITIAL);
        record.level = bounds_.at[rank];
        record.level_index = bounds_.order[rank - 1];
        record.flags = BRINK_RECORD_UP;
        say(record, emit);
    }
    if (!armed) return;
    brink_record record = blank(BRINK_RECORD_ARMED);
    record.number = next_number_++;
    emit(record);
}

void PollTally::update(const resource::Reading& reading, const Emit& emit) {
    if (reading.limit != now_.limit) change_limit(reading, emit);
    now_ = reading;
    move_to(brink_position(&bounds_, position_, now_.usage), BRINK_CAUSE_OPERATION, emit);
}

void PollTally::end(bool named, brink_exit_reason reason, const Emit& emit) {
    if (reason == BRINK_EXIT_ENDED) {
        now_.usage = 0;
        move_to(0, BRINK_CAUSE_EXIT, emit);
    }
    if (!named && !reported_) return;
    brink_record record = blank(BRINK_RECORD_EXIT);
    record.errno_value = reason;
    say(record, emit);
}

void PollTally::resync(const Emit& emit) {
    brink_record record = blank(BRINK_RECORD_RESYNC);
    say(record, emit);
}

std::uint64_t PollTally::distance(std::uint64_t usage) const {
    std::uint64_t nearest = ~std::uint64_t{0};
    const std::uint64_t above = next_up();
    if ((watch_->flags & BRINK_WATCH_UP) != 0 && above < BRINK_NEVER && above > usage)
        nearest = above - usage;
    if (position_ == 0) return nearest;
    // Also for watches of one direction: without having gone down it cannot go up again.
    const std::uint64_t down = bounds_.rearm != 0 ? bounds_.rearm : bounds_.at[position_];
    return std::min(nearest, usage >= down ? usage - down + 1 : 0);
}

std::uint64_t PollTally::next_up() const {
    return position_ < BRINK_MAX_LEVELS ? bounds_.at[position_ + 1] : BRINK_NEVER;
}

std::uint64_t PollTally::level_at(const brink_level& level) const {
    return brink_level_at(level.form, level.value, now_.limit);
}

bool PollTally::follows_limit() const {
    const auto relative = [](const brink_level& level) {
        return level.form != BRINK_LEVEL_ABSOLUTE;
    };
    return std::any_of(watch_->levels, watch_->levels + watch_->n_levels, relative) ||
           ((watch_->flags & BRINK_WATCH_REARM) != 0 && relative(watch_->rearm));
}

// Thresholds move, and where absolute and relative levels are mixed their order may change too:
// compared are the sides of levels, not positions. A level stands where the new limit puts it, in the
// new order; one that it makes dormant goes down last, from where the old one had it: limit.bpf.c.
void PollTally::change_limit(const resource::Reading& reading, const Emit& emit) {
    const std::uint64_t old_limit = now_.limit;
    const brink_bounds old_bounds = bounds_;
    const Sides before = sides_of(bounds_, position_);
    now_.limit = reading.limit;
    now_.limit_hard = reading.limit_hard;
    brink_set_bounds(&bounds_, watch_, now_.limit);
    brink_record record = blank(BRINK_RECORD_LIMIT);
    record.old_limit = old_limit;
    say(record, emit);
    position_ = brink_position(&bounds_, position_, now_.usage);
    const Sides after = sides_of(bounds_, position_);
    for (std::uint32_t rank = 1; rank <= BRINK_MAX_LEVELS; ++rank) {
        const std::uint8_t level = bounds_.order[rank - 1];
        if (after[level] && !before[level]) cross(bounds_, rank, true, BRINK_CAUSE_LIMIT, emit);
    }
    Sides left{};
    for (std::uint32_t rank = BRINK_MAX_LEVELS; rank >= 1; --rank) {
        const std::uint8_t level = bounds_.order[rank - 1];
        if (!before[level] || after[level]) continue;
        left[level] = bounds_.at[rank] >= BRINK_NEVER;
        if (!left[level]) cross(bounds_, rank, false, BRINK_CAUSE_LIMIT, emit);
    }
    for (std::uint32_t rank = BRINK_MAX_LEVELS; rank >= 1; --rank)
        if (left[old_bounds.order[rank - 1]])
            cross(old_bounds, rank, false, BRINK_CAUSE_LIMIT, emit);
}

void PollTally::move_to(std::uint32_t position, brink_cause cause, const Emit& emit) {
    while (position_ < position) cross(bounds_, ++position_, true, cause, emit);
    while (position_ > position) cross(bounds_, position_--, false, cause, emit);
}

void PollTally::cross(const brink_bounds& bounds, std::uint32_t rank, bool up, brink_cause cause,
                      const Emit& emit) {
    if ((watch_->flags & (up ? BRINK_WATCH_UP : BRINK_WATCH_DOWN)) == 0) return;
    brink_record record = blank(BRINK_RECORD_CROSSING);
    record.level = bounds.at[rank];
    record.level_index = bounds.order[rank - 1];
    record.cause = static_cast<std::uint8_t>(cause);
    if (up) record.flags = BRINK_RECORD_UP;
    say(record, emit);
}

void PollTally::say(brink_record& record, const Emit& emit) {
    record.number = next_number_++;
    reported_ = true;
    emit(record);
}

brink_record PollTally::blank(brink_record_type type) const {
    brink_record record{};
    record.type = type;
    record.usage = now_.usage;
    record.limit = now_.limit;
    record.limit_hard = now_.limit_hard;
    return record;
}

}  // namespace brink::engine
