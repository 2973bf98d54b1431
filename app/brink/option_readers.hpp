// SPDX-License-Identifier: Apache-2.0
// From an option among the arguments to its value, for every subcommand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "arguments.hpp"
#include "option_values.hpp"

namespace brink::app {

/// Reads option `name` with `read` into `to`, if it was given.
template <typename Read, typename Value>
[[nodiscard]] Result<void> set(const Arguments& arguments, const std::string& name, Read read,
                               Value& to) {
    const auto text = arguments.one(name);
    if (!text) return tl::unexpected(text.error());
    if (!*text) return {};
    auto value = read(**text);
    if (!value) return tl::unexpected(value.error());
    to = static_cast<Value>(std::move(*value));
    return {};
}

/// A reader of numbers from `low` to `high`, and one of times, for set().
[[nodiscard]] inline auto number_of(std::string_view option, std::uint64_t low,
                                    std::uint64_t high) {
    return [=](const std::string& value) { return parse_number(option, value, low, high); };
}

[[nodiscard]] inline auto duration_of(std::string_view option, std::uint64_t most_ns) {
    return [=](const std::string& value) { return parse_duration_ns(option, value, most_ns); };
}

}  // namespace brink::app
