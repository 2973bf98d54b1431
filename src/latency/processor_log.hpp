// SPDX-License-Identifier: Apache-2.0
// What a processor did while somebody waited for it: from the entries that the programs in the kernel wrote down to
// shares of the time. Every nanosecond belongs to one: the innermost interrupt or softirq, else the task.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "bpf/latency.h"
#include "brink/event.hpp"

namespace brink::latency {

/// A copy of a processor's log. Allocates nothing.
class LogCopy {
  public:
    /// Copies what is there while the processor goes on writing; entries that were overwritten meanwhile are left out.
    void take(const brink_cpu_log& log);

    /// Oldest first.
    [[nodiscard]] std::span<const brink_log_entry> entries() const {
        return std::span(entries_).subspan(first_, count_);
    }
    /// Whether nothing that happened from `ns` on is missing at its beginning.
    [[nodiscard]] bool reaches(std::uint64_t ns) const {
        return whole_ || (count_ > 0 && entries_[first_].ns <= ns);
    }

  private:
    std::array<brink_log_entry, BRINK_LOG_ENTRIES> entries_{};
    std::size_t first_ = 0;
    std::size_t count_ = 0;
    bool whole_ = false;
};

struct LogWindow {
    std::uint32_t cpu = 0;
    std::uint64_t from = 0;  ///< CLOCK_MONOTONIC
    std::uint64_t to = 0;
    bool whole = false;  ///< nothing happened before the first entry; else that is not known
};

/// How the time of `window` was spent. `entries`: of that processor, oldest first. What ran after the last switch is the
/// thread that waited ("self"). Names of interrupts are read from /sys/kernel/irq.
[[nodiscard]] Culprit culprit_of(std::span<const brink_log_entry> entries, const LogWindow& window);

}  // namespace brink::latency
