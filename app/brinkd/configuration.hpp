// SPDX-License-Identifier: Apache-2.0
// Configuration: what brinkd is told by its TOML files. brink.toml(5) describes them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "problem.hpp"
#include "rule.hpp"
#include "store/history.hpp"
#include "tl/expected.hpp"

namespace brink::app {

inline constexpr const char* kDefaultConfiguration = "/etc/brink/brink.toml";

struct Configuration {
    std::string engine = "auto";         ///< auto (kernel, else poll), kernel, tracepoint or poll
    std::uint64_t max_subjects = 16384;  ///< processes watched at once, by rules and clients
    std::uint64_t poll_shortest_ns = 100'000'000;
    std::uint64_t poll_longest_ns = 10'000'000'000;
    bool keep_history = true;
    store::HistoryOptions history;
    std::vector<Rule> rules;
    std::vector<std::string> files;  ///< that were read
};

/// Reads `file` and, after it, every *.toml in the folder conf.d beside it, in the order of their names; a later key of
/// [daemon] and [history] holds. A file that is not there is no problem if it is kDefaultConfiguration. All problems of all
/// files come back at once, in their order.
[[nodiscard]] tl::expected<Configuration, Problems> read_configuration(const std::string& file);

}  // namespace brink::app
