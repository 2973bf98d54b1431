// SPDX-License-Identifier: Apache-2.0
// Configuration: what brinkd is told by its TOML files. brink.toml(5) describes them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/quota.hpp"
#include "broker/source_options.hpp"
#include "problem.hpp"
#include "rule.hpp"
#include "store/history.hpp"
#include "tl/expected.hpp"

namespace brink::app {

inline constexpr const char* kDefaultConfiguration = "/etc/brink/brink.toml";

struct Configuration {
    broker::SourceOptions source;
    broker::Quotas quotas;  ///< of what one user may have
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
