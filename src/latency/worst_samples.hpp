// SPDX-License-Identifier: Apache-2.0
// WorstSamples: the latest wake-ups of one thread, with copies of what the processors did. Room for all is there from the
// beginning: nothing is allocated while a thread is measured.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "latency/processor_log.hpp"
#include "latency/wakeup.hpp"

namespace brink::latency {

class WorstSamples {
  public:
    struct Kept {
        Wakeup wakeup;
        bool matched = false;
        std::uint32_t timer_cpu = 0;
        std::uint32_t cpu = 0;
        LogCopy timer_log;  // of timer_cpu, where it is another than cpu
        LogCopy log;        // of cpu
    };

    explicit WorstSamples(std::size_t most) : kept_(most) {}

    /// Where a sample of `latency` is to be written; nullptr: it is not among the latest.
    [[nodiscard]] Kept* place_for(std::uint64_t latency) {
        if (kept_.empty()) return nullptr;
        if (used_ < kept_.size()) return &kept_[used_++];
        const auto least = std::min_element(kept_.begin(), kept_.end(),
                                            [](const Kept& a, const Kept& b) {
                                                return latency_of(a) < latency_of(b);
                                            });
        return latency > latency_of(*least) ? &*least : nullptr;
    }

    [[nodiscard]] std::span<const Kept> all() const { return std::span(kept_).first(used_); }

  private:
    [[nodiscard]] static std::uint64_t latency_of(const Kept& kept) {
        return parts_of(kept.wakeup).whole;
    }

    std::vector<Kept> kept_;
    std::size_t used_ = 0;
};

}  // namespace brink::latency
