// SPDX-License-Identifier: Apache-2.0
// The options of `brink latency`, whose values are written as for cyclictest(8).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "arguments.hpp"
#include "base/result.hpp"
#include "options.hpp"

namespace brink::app {

/// The words with a value behind each -t, --threads, -a and --affinity that has none: "all".
[[nodiscard]] std::vector<const char*> with_bare_options(std::span<const char* const> words);

/// REQUIRES: `arguments` were made of option_names("latency") and flag_names("latency").
[[nodiscard]] Result<LatencyOptions> read_latency_options(const Arguments& arguments);

}  // namespace brink::app
