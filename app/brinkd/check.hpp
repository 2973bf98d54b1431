// SPDX-License-Identifier: Apache-2.0
// brinkd --check: reads the configuration as the daemon would, and says what is wrong with it or what it means.
#pragma once

#include <string>

namespace brink::app {

/// Writes to standard output (what it means) or error (each problem, a line). 0, or 1 if there are problems.
[[nodiscard]] int check_configuration(const std::string& file);

}  // namespace brink::app
