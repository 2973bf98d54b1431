// SPDX-License-Identifier: Apache-2.0
// Rule: whom to watch, for what, and what to do at a level; one [[rule]] of the configuration.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/action_spec.hpp"
#include "engine/selection.hpp"
#include "engine/watch_spec.hpp"

namespace brink::app {

using std::chrono::milliseconds;

struct Rule {
    std::string name;
    std::optional<engine::Selection> selection;  ///< or
    std::vector<std::string> command;            ///< what brinkd starts and supervises
    std::vector<engine::WatchSpec> watches;      ///< at least one
    std::vector<engine::ActionSpec> actions;     ///< each belongs to a level of `watches`

    bool dry_run = false;  ///< say what would be done
    /// Between two runs of one action on one subject.
    milliseconds cool_down{60'000};
    std::uint64_t max_per_hour = 60;     ///< actions of this rule within any hour
    milliseconds time_limit{30'000};     ///< of one action; then it is ended, and has failed
    std::uint64_t retries = 0;           ///< of an action that has failed
    milliseconds retry_after{10'000};    ///< before each
    milliseconds restart_grace{10'000};  ///< of `command`: from TERM to KILL
    milliseconds restart_delay{1'000};   ///< before its first restart; grows

    std::string place;  ///< "brink.toml:12", for messages

    /// "unit web.service", "command server": whom it is about.
    [[nodiscard]] std::string subject() const;
    /// All that it says, for comparison: two rules with the same text do the same.
    [[nodiscard]] std::string text() const;
};

}  // namespace brink::app
