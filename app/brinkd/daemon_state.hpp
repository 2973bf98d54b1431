// SPDX-License-Identifier: Apache-2.0
// The state of the daemon as one JSON object: what `brink status` shows.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "configuration.hpp"
#include "engine/record_source.hpp"
#include "rule_set.hpp"
#include "store/history_writer.hpp"

namespace brink::app {

/// References live for the call only.
struct StateParts {
    const std::string& socket;
    const Configuration& configuration;
    const std::string& remark;  ///< why the engine is not a better one
    const engine::RecordSource& source;
    const RuleSet& rules;
    std::size_t clients;
    std::optional<store::HistoryCounters> history;  ///< nullopt: none is kept
    std::chrono::seconds up;
};

[[nodiscard]] std::string daemon_state(const StateParts& parts);

}  // namespace brink::app
