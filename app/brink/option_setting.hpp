// SPDX-License-Identifier: Apache-2.0
// What several subcommands have in common: --resource, and how parsing ends.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "arguments.hpp"
#include "base/result.hpp"
#include "options.hpp"

namespace brink::app {

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
