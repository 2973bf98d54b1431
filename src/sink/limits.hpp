// SPDX-License-Identifier: Apache-2.0
// How `brink limits` shows a survey: a table for people, lines of JSON for programs.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "resource/survey.hpp"
#include "sink/text_paint.hpp"

namespace brink::sink {

/// What of a survey is shown. Points into the survey.
struct LimitsView {
    std::vector<resource::Nearest> rows;  ///< `of` 1 where every subject has a row of its own
    std::vector<const resource::Remark*> remarks;
    std::size_t left_out = 0;  ///< rows for which there was no place
};

/// The table of such rows: a headline, then a line for each, without newlines; as wide as `style` says.
/// `notes`, if not empty: for each row what stands behind the subject.
[[nodiscard]] std::vector<std::string> limits_lines(const std::vector<resource::Nearest>& rows,
                                                    const std::vector<std::string>& notes,
                                                    const TextStyle& style);

/// What was not read and why, a line each, each ended by a newline.
[[nodiscard]] std::string remark_lines(const std::vector<const resource::Remark*>& remarks,
                                       const TextStyle& style);

/// One row as a JSON object, the fields named as in the event record; without the time.
[[nodiscard]] nlohmann::ordered_json limits_object(const resource::Nearest& nearest);

/// A line for each row, with a headline, then what was not read and why; ends in a newline. Lines are cut to the width
/// of `style`.
[[nodiscard]] std::string limits_table(const LimitsView& view, const TextStyle& style);

/// One object a line, the fields named as in the event record. `time_ns`: CLOCK_REALTIME.
[[nodiscard]] std::string limits_json(const LimitsView& view, std::int64_t time_ns);

}  // namespace brink::sink
