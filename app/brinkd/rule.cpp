// SPDX-License-Identifier: Apache-2.0
#include "rule.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace brink::app {

std::string Rule::subject() const {
    return selection ? selection->description() : "command " + command.front();
}

std::string Rule::text() const {
    std::string text = fmt::format("{}\n{}\n{}\n{} {} {} {} {} {} {} {}\n", name,
                                   selection ? selection->description() : "",
                                   fmt::join(command, "\n"), dry_run, cool_down.count(),
                                   max_per_hour, time_limit.count(), retries, retry_after.count(),
                                   restart_grace.count(), restart_delay.count());
    for (const engine::WatchSpec& watch : watches) text += "watch " + watch.text + "\n";
    for (const engine::ActionSpec& action : actions) text += "on " + action.argument + "\n";
    return text;
}

}  // namespace brink::app
