// SPDX-License-Identifier: Apache-2.0
// Events as text for people: one aligned line each, evidence as a block below it.
//
//   09:30:00.123  ▲ nofile 80%      820 of 1024   204 left  leaky[1234]
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "brink/event.hpp"
#include "sink/text_fold.hpp"
#include "sink/text_paint.hpp"

namespace brink::sink {

/// "09:30:00.123", in the local time zone. `time_ns`: CLOCK_REALTIME.
[[nodiscard]] std::string local_time(std::int64_t time_ns);

/// Stateful: columns grow with what has been shown, and lines of short-lived children are folded
/// (sink/text_fold.hpp). Memory is bounded. One thread.
class TextRenderer {
  public:
    /// Without `folds` every event has its line.
    explicit TextRenderer(TextStyle style = {}, bool folds = true) : style_(style), folds_(folds) {}

    /// The lines to write for `event`, each with its line end; empty if it was folded. Times are
    /// local. Text from outside is made safe for terminals.
    [[nodiscard]] std::string render(const Event& event);

    /// What is still folded. To be written before the output ends.
    [[nodiscard]] std::string flush();

    /// Shows every line of this process: it was named by the user. To be called again when the
    /// command is restarted.
    void never_fold(std::int32_t pid) { fold_.never_fold(pid); }

  private:
    [[nodiscard]] std::string line(const Event& event);
    [[nodiscard]] std::string amounts(const Event& event);
    [[nodiscard]] std::string action_line(const Event& event) const;

    TextStyle style_;
    bool folds_;
    Fold fold_;
    std::size_t resource_width_ = 0;  // of the columns, as far as they have grown
    std::size_t word_width_ = 6;
    std::size_t number_width_ = 0;
    std::size_t amounts_width_ = 0;
};

}  // namespace brink::sink
