// SPDX-License-Identifier: Apache-2.0
// From an option that was given to the member it sets, and how parsing ends.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "base/result.hpp"
#include "option_values.hpp"
#include "options.hpp"

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

/// A reader of numbers from `low` to `high`, for set().
[[nodiscard]] inline auto number_of(std::string_view option, std::uint64_t low,
                                    std::uint64_t high) {
    return [=](const std::string& value) { return parse_number(option, value, low, high); };
}

/// A reader of times, for set().
[[nodiscard]] inline auto duration_of(std::string_view option, std::uint64_t most_ns) {
    return [=](const std::string& value) { return parse_duration_ns(option, value, most_ns); };
}

/// The resources that --resource names, each once and in their order; none where it is not there.
[[nodiscard]] Result<void> set_resources(const Arguments& arguments,
                                         std::vector<const Resource*>& found);

[[nodiscard]] inline Stop stop_with(std::string text) {
    return Stop{.status = 0, .out = std::move(text), .err = {}};
}

[[nodiscard]] inline Stop wrong(std::string_view where, const Error& error, int status) {
    return Stop{.status = status, .out = {}, .err = fmt::format("{}: {}\n", where, error.message)};
}

}  // namespace brink::app
