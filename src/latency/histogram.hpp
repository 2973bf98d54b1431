// SPDX-License-Identifier: Apache-2.0
// Histogram: a distribution of times in bounded memory, with a bounded relative error, as HdrHistogram has it: exact up
// to 255 ns; above, each power of two has 128 steps, so that what is read is at most 1/128 of the value (0.8 %) above it,
// never below. Count, sum, minimum and maximum are exact. Beyond 2^38 ns (275 s) all is one step.
//
// One thread adds; others may take a snapshot meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace brink::latency {

class Histogram {
  public:
    static constexpr std::uint64_t kStepsPerPower = 128;

    Histogram() : counts_(kSteps) {}

    /// Allocates nothing.
    void add(std::uint64_t ns);
    /// Adds all that `other` has.
    void add(const Histogram& other);

    /// As it is now, while another thread adds: count() is that of what the steps hold.
    [[nodiscard]] Histogram snapshot() const;

    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] std::uint64_t sum() const { return sum_; }
    [[nodiscard]] std::uint64_t max() const { return max_; }
    [[nodiscard]] std::uint64_t min() const { return count_ ? min_ : 0; }
    [[nodiscard]] double mean() const;

    /// The value that `percent` (0 to 100, in thousandths at the finest) of all values do not exceed; 0 if there are none.
    [[nodiscard]] std::uint64_t percentile(double percent) const;

    /// How many values are at least `from` and below `to`, by the step that they are in.
    [[nodiscard]] std::uint64_t between(std::uint64_t from, std::uint64_t to) const;

    struct Step {
        std::uint64_t from;
        std::uint64_t to;  ///< the first value that is not in it
        std::uint64_t count;
    };
    /// Those that hold something, ascending.
    [[nodiscard]] std::vector<Step> steps() const;

  private:
    static constexpr std::size_t kPowers = 30;  // 2^8 to 2^38
    static constexpr std::size_t kSteps = kStepsPerPower * (kPowers + 2) + 1;

    [[nodiscard]] static std::size_t step_of(std::uint64_t ns);
    [[nodiscard]] static std::uint64_t begin_of(std::size_t step);

    std::vector<std::uint64_t> counts_;
    std::uint64_t count_ = 0;
    std::uint64_t sum_ = 0;
    std::uint64_t min_ = ~std::uint64_t{0};
    std::uint64_t max_ = 0;
};

}  // namespace brink::latency
