// SPDX-License-Identifier: Apache-2.0
// Ranges as Nagios plugins take them (monitoring-plugins.org, "Threshold and Ranges").
#pragma once

#include <limits>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace brink::check {

struct Range {
    double low = 0;
    double high = std::numeric_limits<double>::infinity();
    bool inside = false;  ///< alert within it, not outside
    std::string text;     ///< as it was given

    [[nodiscard]] bool alerts(double value) const {
        return (value >= low && value <= high) == inside;
    }
};

/// "10": outside of 0 to 10; "10:", "~:10", "10:20"; "@10:20": within. The error: what was given, what is wrong, what would be
/// right.
[[nodiscard]] Result<Range> parse_range(std::string_view text);

}  // namespace brink::check
