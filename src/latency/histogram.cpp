// SPDX-License-Identifier: Apache-2.0
#include "latency/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace brink::latency {
namespace {

// There is one writer, so that no addition needs to be atomic, only each load and store.
std::uint64_t load(const std::uint64_t& from) { return __atomic_load_n(&from, __ATOMIC_RELAXED); }

void store(std::uint64_t& to, std::uint64_t value) {
    __atomic_store_n(&to, value, __ATOMIC_RELAXED);
}

constexpr unsigned kStepBits = std::countr_zero(Histogram::kStepsPerPower);

}  // namespace

std::size_t Histogram::step_of(std::uint64_t ns) {
    if (ns < 2 * kStepsPerPower) return ns;
    const auto shift = static_cast<unsigned>(std::bit_width(ns)) - kStepBits - 1;
    return std::min<std::size_t>(kStepsPerPower * shift + (ns >> shift), kSteps - 1);
}

std::uint64_t Histogram::begin_of(std::size_t step) {
    if (step < 2 * kStepsPerPower) return step;
    const std::size_t shift = step / kStepsPerPower - 1;
    return (step - shift * kStepsPerPower) << shift;
}

void Histogram::add(std::uint64_t ns) {
    std::uint64_t& step = counts_[step_of(ns)];
    store(step, step + 1);
    store(count_, count_ + 1);
    store(sum_, sum_ + ns);
    if (ns < min_) store(min_, ns);
    if (ns > max_) store(max_, ns);
}

void Histogram::add(const Histogram& other) {
    for (std::size_t i = 0; i < kSteps; ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    min_ = std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
}

Histogram Histogram::snapshot() const {
    Histogram taken;
    for (std::size_t i = 0; i < kSteps; ++i) taken.count_ += taken.counts_[i] = load(counts_[i]);
    taken.sum_ = load(sum_);
    taken.min_ = load(min_);
    taken.max_ = load(max_);
    return taken;
}

double Histogram::mean() const {
    return count_ ? static_cast<double>(sum_) / static_cast<double>(count_) : 0;
}

std::uint64_t Histogram::percentile(double percent) const {
    // In whole numbers: 99.9 is no double, and what it is instead would round up to the next rank.
    const auto thousandths = static_cast<std::uint64_t>(std::llround(percent * 1000));
    const std::uint64_t wanted = std::max<std::uint64_t>(
        count_ / 100'000 * thousandths + (count_ % 100'000 * thousandths + 99'999) / 100'000, 1);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kSteps; ++i)
        if ((seen += counts_[i]) >= wanted)
            return i + 1 == kSteps ? max_ : std::min(begin_of(i + 1) - 1, max_);
    return max_;
}

std::uint64_t Histogram::between(std::uint64_t from, std::uint64_t to) const {
    std::uint64_t n = 0;
    for (std::size_t i = step_of(from); i < kSteps && begin_of(i) < to; ++i)
        if (begin_of(i) >= from) n += counts_[i];
    return n;
}

std::vector<Histogram::Step> Histogram::steps() const {
    std::vector<Step> steps;
    for (std::size_t i = 0; i < kSteps; ++i)
        if (counts_[i])
            steps.push_back(
                {begin_of(i), i + 1 == kSteps ? max_ + 1 : begin_of(i + 1), counts_[i]});
    return steps;
}

}  // namespace brink::latency
