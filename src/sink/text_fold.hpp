// SPDX-License-Identifier: Apache-2.0
// Folding: a build under brink has thousands of short-lived children, each born above a level and
// gone a moment later; a program that does not look at errors is refused in a tight loop. The first few
// are shown; then they are only counted, and the count is said before the next line of another kind, at
// most once a second, and at the end. After a second without any the first few are shown again. No timer:
// nothing happens until the next event comes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "brink/event.hpp"
#include "sink/text_paint.hpp"

namespace brink::sink {

class Fold {
  public:
    /// Births and exits of this process are always shown. The last 16 processes named are remembered.
    void never_fold(std::int32_t pid);

    /// Whether `event` is only counted. Bounded memory, whatever comes.
    [[nodiscard]] bool takes(const Event& event);

    /// Whether a count waits that has to be said before the next line of another kind.
    [[nodiscard]] bool waiting() const { return started_ + ended_ + fallen_ + refused_ > 0; }

    /// Whether it has waited for a second of event time at `event`.
    [[nodiscard]] bool due(const Event& event) const;

    /// One line without a line end; the count starts anew.
    [[nodiscard]] std::string take_summary();

  private:
    struct Refusal {
        std::string resource;
        std::optional<std::int32_t> pid;
        std::optional<int> error;
        bool operator==(const Refusal&) const = default;
    };

    [[nodiscard]] bool foldable(const Event& event);
    [[nodiscard]] bool refused_before(const Event& event);
    void count(const Event& event);

    std::vector<std::int32_t> named_;
    std::vector<Refusal> refusals_;  // of each kind one has been shown; the last few
    unsigned shown_ = 0;             // foldable lines shown since the last other line
    std::uint64_t started_ = 0;      // processes that began at or above a level
    std::uint64_t ended_ = 0;
    std::uint64_t fallen_ = 0;  // levels that went down because of an exit
    std::uint64_t refused_ = 0;
    std::int64_t since_ns_ = 0;  // time of the first event counted
    std::int64_t last_ns_ = 0;   // of the last foldable one
    std::optional<std::int32_t> last_started_;
    std::vector<std::string> names_;  // the first few different ones
    bool more_names_ = false;
};

}  // namespace brink::sink
