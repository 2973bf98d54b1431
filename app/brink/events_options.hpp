// SPDX-License-Identifier: Apache-2.0
// The command line of `brink events`.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "options.hpp"

namespace brink::app {

[[nodiscard]] CommandLine parse_events(std::span<const char* const> words);

[[nodiscard]] std::vector<std::string> events_option_names();
[[nodiscard]] std::vector<std::string> events_flag_names();

}  // namespace brink::app
