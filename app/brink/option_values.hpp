// SPDX-License-Identifier: Apache-2.0
// From the text of an option's value to what it means. Every error names the option, what was
// given, what is wrong, and what would be right.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "options.hpp"

namespace brink::app {

[[nodiscard]] Result<OutputFormat> parse_output(const std::string& value);
[[nodiscard]] Result<EngineChoice> parse_engine(const std::string& value);
[[nodiscard]] Result<EventsTo> parse_events_to(const std::string& value);

/// The name of a file that can be read.
[[nodiscard]] Result<std::string> parse_btf(const std::string& value);

/// "10ms" or "10ms,1s": the shortest and the longest interval, in nanoseconds.
[[nodiscard]] Result<std::pair<std::uint64_t, std::uint64_t>> parse_interval(
    const std::string& value);

/// A number from `low` to `high`.
[[nodiscard]] Result<std::uint64_t> parse_number(std::string_view option, const std::string& value,
                                                 std::uint64_t low, std::uint64_t high);

inline constexpr std::uint64_t kMinuteNs = 60ULL * 1'000'000'000;
inline constexpr std::uint64_t kDayNs = 24ULL * 60 * kMinuteNs;

/// A time of at most `most_ns`, in nanoseconds.
[[nodiscard]] Result<std::uint64_t> parse_duration_ns(std::string_view option,
                                                      const std::string& value,
                                                      std::uint64_t most_ns = kDayNs);

}  // namespace brink::app
