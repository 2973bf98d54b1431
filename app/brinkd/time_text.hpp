// SPDX-License-Identifier: Apache-2.0
// Times of the configuration: as in brink(1), and days.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "base/units.hpp"

namespace brink::app {

/// "30s", "12h", "30d"; in nanoseconds.
[[nodiscard]] inline Result<std::uint64_t> parse_time_with_days(const std::string& text) {
    constexpr std::uint64_t kDayNs = 86'400ULL * 1'000'000'000;
    if (text.ends_with('d'))
        if (const auto days = parse_count(text.substr(0, text.size() - 1)); days && *days < 36'500)
            return *days * kDayNs;
    return parse_time_ns(text);
}

}  // namespace brink::app
