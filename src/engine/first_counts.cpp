// SPDX-License-Identifier: Apache-2.0
#include "engine/first_counts.hpp"

#include <time.h>

#include <algorithm>
#include <cerrno>

namespace brink::engine {
namespace {

constexpr int kSamples = 16;
constexpr int kMaxTurns = 20000;
// An operation under way runs, or, where the kernel preempts it, waits for its next turn.
constexpr long kPause_ns = 50'000;
constexpr long kPreemptedPause_ns = 3'000'000;

bool is_counting(const brink_tally& tally) {
    return (tally.word >> BRINK_POS_SHIFT & BRINK_POS_MASK) == BRINK_POS_COUNTING;
}

}  // namespace

void pause_between_samples(const kernel::Hooks& hooks) {
    const timespec pause{0, hooks.preemptible() ? kPreemptedPause_ns : kPause_ns};
    ::nanosleep(&pause, nullptr);
}

void FirstCounts::add(std::uint32_t tally) {
    First first{};
    first.about.tally = tally;
    first.about.generation = hooks_->tally(tally).generation;
    pending_.push_back(first);
}

void FirstCounts::add_pending() {
    for (std::uint32_t id = 1; id < hooks_->tallies(); ++id) {
        const brink_tally& tally = hooks_->tally(id);
        if (tally.table && is_counting(tally) && !(tally.flags & BRINK_TALLY_AT_EXEC)) add(id);
    }
}

// Whether it has enough samples: one will do of what the kernel keeps a number of, and where nobody was at work on the
// table.
bool FirstCounts::sample(First& first) {
    if (hooks_->tally(first.about.tally).kind != BRINK_KIND_DESCRIPTORS) {
        first.most = 0;
        return true;
    }
    first.about.kind = BRINK_COMMAND_COUNT;
    const brink_answer sample = hooks_->command(first.about);
    if (sample.error < 0) return sample.error == -ESRCH;
    first.most = std::max(first.most.value_or(0), sample.error);
    return sample.base || ++first.samples == kSamples;
}

// Whether it is settled: by this, or by an execve or its end in the meantime.
Result<bool> FirstCounts::commit(const First& first) {
    const brink_tally& tally = hooks_->tally(first.about.tally);
    brink_command command = first.about;
    if (tally.generation != command.generation) return true;
    command.kind = first.most ? BRINK_COMMAND_COMMIT : BRINK_COMMAND_UNBIND;
    command.base = static_cast<std::uint64_t>(first.most.value_or(0));
    const int error = hooks_->command(command).error;
    if (!first.most) return false;
    if (error && error != -EINVAL && error != -ESRCH)
        return fail("the watch could not be settled", -error);
    if (tally.kind == BRINK_KIND_DESCRIPTORS &&
        2 * (tally.word & BRINK_COUNT_MASK) >= tally.limit && hooks_->sees_refusals())
        if (auto attached = hooks_->attach_refusals(); !attached)
            return tl::unexpected(attached.error());
    return true;
}

Result<std::size_t> FirstCounts::settle() {
    std::vector<First> sampled;
    for (int turn = 1; turn <= kMaxTurns && !pending_.empty(); ++turn) {
        if (turn > 1) pause_between_samples(*hooks_);
        std::erase_if(pending_, [&](First& first) {
            if (!sample(first)) return false;
            sampled.push_back(first);
            return true;
        });
    }
    sampled.insert(sampled.end(), pending_.begin(), pending_.end());
    pending_.clear();
    std::size_t unsettled = 0;
    for (const First& first : sampled) {
        const auto settled = commit(first);
        if (!settled) return tl::unexpected(settled.error());
        if (!*settled) ++unsettled;
    }
    return unsettled;
}

}  // namespace brink::engine
