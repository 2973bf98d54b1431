// SPDX-License-Identifier: Apache-2.0
// ActionSpec: what `--on [RESOURCE@]LEVEL[:down]=ACTION` says, and which watches it applies to.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "brink/event.hpp"
#include "engine/watch_spec.hpp"

namespace brink::engine {

enum class ActionKind { signal, exec, restart, evidence, fail, log, raise, webhook };

/// Who acts: `brink run` and `brink watch`, or a rule of brinkd. They do not offer the same actions.
enum class Actor { command_line, rule };

struct ActionSpec {
    std::string resource;  ///< empty: every watch with that level
    std::string level;     ///< as typed in `-w`
    Direction direction = Direction::up;
    ActionKind kind = ActionKind::evidence;
    int signal = 0;       ///< ActionKind::signal
    std::string command;  ///< ActionKind::exec
    std::string
        unit;  ///< ActionKind::restart of a rule: "web.service"; empty: what the rule is about
    std::string ceiling;   ///< ActionKind::raise: a usage, in the unit of the resource
    std::string output;    ///< ActionKind::webhook: the output of brink-relay that is asked
    std::string text;      ///< the action as typed: "signal:TERM"
    std::string argument;  ///< all of it as typed: "95%=signal:TERM"

    /// Whether it is to be done when `resource` passes the level typed as `level_as` in `towards`.
    /// An `initial` event counts as the way up.
    [[nodiscard]] bool applies_to(std::string_view resource_name, std::string_view level_as,
                                  Direction towards) const {
        return (resource.empty() || resource == resource_name) && level == level_as &&
               direction == towards;
    }
};

/// Reads one `--on` argument. Errors as in parse_watch.
[[nodiscard]] Result<ActionSpec> parse_action(std::string_view text,
                                              Actor actor = Actor::command_line);

/// An error if there is an action that none of the watches can ever lead to, or two that exclude
/// each other: a level has one signal in each direction.
[[nodiscard]] Result<void> check_actions(std::span<const ActionSpec> actions,
                                         std::span<const WatchSpec> watches);

/// "TERM", "SIGTERM" or "15" to 15; an error that says what is accepted.
[[nodiscard]] Result<int> parse_signal(std::string_view text);

/// 15 to "TERM"; numbers that have no name as decimal.
[[nodiscard]] std::string signal_name(int signal);

}  // namespace brink::engine
