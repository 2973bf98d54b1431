// SPDX-License-Identifier: Apache-2.0
// How `brink limits` shows a survey: a table for people, lines of JSON for programs.
#pragma once

#include <cstdint>
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

/// A line for each row, with a headline, then what was not read and why; ends in a newline. Lines are cut to the width
/// of `style`. `engine`: with which the rows were read.
[[nodiscard]] std::string limits_table(const LimitsView& view, std::string_view engine,
                                       const TextStyle& style);

/// One object a line, the fields named as in the event record. `time_ns`: CLOCK_REALTIME.
[[nodiscard]] std::string limits_json(const LimitsView& view, std::string_view engine,
                                      std::int64_t time_ns);

}  // namespace brink::sink
