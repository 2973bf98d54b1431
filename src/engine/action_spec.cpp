// SPDX-License-Identifier: Apache-2.0
// The grammar of actions, and the check that each belongs to a level that is watched.
#include "engine/action_spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <optional>
#include <vector>

#include "base/nearest.hpp"
#include "base/units.hpp"
#include "base/utf8.hpp"
#include "resource/table.hpp"

namespace brink::engine {
namespace {

constexpr int kLastSignal = 64;
constexpr std::string_view kKinds = "signal:TERM, exec:COMMAND, restart, evidence, fail";
constexpr std::string_view kUnitLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@";  // systemd.unit(5)
constexpr std::string_view kOutputLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";  // relay.toml
constexpr std::string_view kRuleKinds =
    "log, signal:TERM, exec:COMMAND, restart, restart:UNIT, raise:CEILING, webhook:OUTPUT, "
    "evidence";

struct PlainKind {
    std::string_view name;
    ActionKind kind;
    bool command_line;
    bool rule;
};

constexpr std::array<PlainKind, 4> kPlainKinds{{
    {"restart", ActionKind::restart, true, true},
    {"evidence", ActionKind::evidence, true, true},
    {"fail", ActionKind::fail, true, false},
    {"log", ActionKind::log, false, true},
}};

// The part before '=': [RESOURCE@]LEVEL[:up|:down].
Result<void> parse_place(std::string_view place, ActionSpec& spec) {
    if (const std::size_t at = place.find('@'); at != std::string_view::npos) {
        spec.resource = place.substr(0, at);
        place.remove_prefix(at + 1);
        if (const auto known = parse_resource(spec.resource); !known)
            return tl::unexpected(known.error());
    }
    if (const std::size_t colon = place.find(':'); colon != std::string_view::npos) {
        const std::string_view option = place.substr(colon);
        if (option != ":up" && option != ":down")
            return fail(fmt::format("there is no direction {}; write LEVEL:down for the way down, "
                                    "LEVEL alone for the way up",
                                    in_quotes(option)));
        spec.direction = option == ":down" ? Direction::down : Direction::up;
        place = place.substr(0, colon);
    }
    spec.level = place;
    return {};
}

// A level is good if it is one for some resource that the action could mean.
Result<void> check_level(const ActionSpec& spec) {
    std::optional<Error> first_error;
    for (const Resource* resource : resources()) {
        if (!spec.resource.empty() && spec.resource != resource->name) continue;
        const auto level = parse_level(spec.level, resource->unit);
        if (level) return {};
        if (!first_error) first_error = level.error();
    }
    return tl::unexpected(*first_error);
}

// What only a rule has: an action on something else than the process that crossed.
Result<bool> parse_rule_kind(std::string_view action, ActionSpec& spec) {
    constexpr std::string_view kRestart = "restart:";
    constexpr std::string_view kRaise = "raise:";
    constexpr std::string_view kWebhook = "webhook:";
    if (action.starts_with(kRestart)) {
        spec.kind = ActionKind::restart;
        spec.unit = action.substr(kRestart.size());
        if (spec.unit.find_first_not_of(kUnitLetters) != std::string::npos ||
            !spec.unit.ends_with(".service"))
            return fail(fmt::format("restart: {} is no service; write its whole name, as in "
                                    "restart:web.service",
                                    in_quotes(spec.unit)));
        return true;
    }
    if (action.starts_with(kRaise)) {
        spec.kind = ActionKind::raise;
        spec.ceiling = action.substr(kRaise.size());
        return true;
    }
    if (action.starts_with(kWebhook)) {
        spec.kind = ActionKind::webhook;
        spec.output = action.substr(kWebhook.size());
        if (!spec.output.empty() &&
            spec.output.find_first_not_of(kOutputLetters) == std::string::npos)
            return true;
        return fail(fmt::format("webhook: {} is no output's name; write NAME of [output.NAME] in "
                                "relay.toml, as in webhook:pager",
                                in_quotes(spec.output)));
    }
    if (action == "raise")
        return fail("raise has no ceiling; write the highest soft limit, as in raise:4096");
    if (action == "webhook")
        return fail("webhook has no output; write one of brink-relay's, as in webhook:pager");
    return false;
}

Result<void> unknown_kind(std::string_view action, Actor actor) {
    const std::string_view kinds = actor == Actor::rule ? kRuleKinds : kKinds;
    if (action.empty()) return fail(fmt::format("the action is missing; there are: {}", kinds));
    if (action == "signal") return fail("signal has no name; write one, as in signal:TERM");
    if (action == "exec")
        return fail("exec has no command; write one for /bin/sh, as in exec:'logger near limit'");
    const std::string_view name = action.substr(0, action.find(':'));
    const std::string_view near =
        actor == Actor::rule
            ? nearest(name, {"signal", "exec", "restart", "evidence", "log", "raise", "webhook"})
            : nearest(name, {"signal", "exec", "restart", "evidence", "fail"});
    return fail(fmt::format("there is no action {}; {}there are: {}", in_quotes(action),
                            near.empty() ? "" : fmt::format("did you mean {}? ", near), kinds));
}

Result<void> parse_kind(std::string_view action, Actor actor, ActionSpec& spec) {
    constexpr std::string_view kSignal = "signal:";
    constexpr std::string_view kExec = "exec:";
    spec.text = action;
    for (const PlainKind& plain : kPlainKinds) {
        if (action != plain.name || !(actor == Actor::rule ? plain.rule : plain.command_line))
            continue;
        spec.kind = plain.kind;
        return {};
    }
    if (action.starts_with(kSignal)) {
        const auto signal = parse_signal(action.substr(kSignal.size()));
        if (!signal) return tl::unexpected(signal.error());
        spec.kind = ActionKind::signal;
        spec.signal = *signal;
        return {};
    }
    if (action.starts_with(kExec)) {
        spec.kind = ActionKind::exec;
        spec.command = action.substr(kExec.size());
        if (spec.command.find_first_not_of(" \t\n") != std::string::npos) return {};
        return fail("exec: has no command; write one for /bin/sh, as in exec:'logger near limit'");
    }
    if (actor == Actor::rule) {
        const auto known = parse_rule_kind(action, spec);
        if (!known) return tl::unexpected(known.error());
        if (*known) return {};
    }
    return unknown_kind(action, actor);
}

Result<ActionSpec> parse(std::string_view text, Actor actor) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos)
        return fail("there is no '='; write LEVEL=ACTION, as in 95%=signal:TERM");
    ActionSpec spec;
    spec.argument = text;
    Result<void> step = parse_place(text.substr(0, equals), spec);
    if (step) step = check_level(spec);
    if (step) step = parse_kind(text.substr(equals + 1), actor, spec);
    if (!step) return tl::unexpected(step.error());
    if (spec.direction == Direction::down &&
        (spec.kind == ActionKind::restart || spec.kind == ActionKind::fail ||
         spec.kind == ActionKind::raise))
        return fail(fmt::format("{} is for the way up, for usage goes down at every exit; on the "
                                "way down there are signal:, exec: and evidence",
                                spec.text));
    return spec;
}

bool has_level(const WatchSpec& watch, const ActionSpec& action) {
    return std::any_of(watch.levels.begin(), watch.levels.end(), [&](const Level& level) {
        return action.applies_to(watch.resource->name, level.text, action.direction);
    });
}

std::string list_levels(std::span<const WatchSpec> watches) {
    std::string list;
    for (const WatchSpec& watch : watches)
        for (const Level& level : watch.levels)
            list += fmt::format("{}{}@{}", list.empty() ? "" : ", ", watch.resource->name,
                                level.text);
    return shorten(terminal_safe(list), 200);
}

// The resources of which evidence can be had, for messages.
std::string list_with_evidence() {
    std::string list;
    for (const Resource* resource : resources())
        if (resource->evidence) list.append(list.empty() ? "" : ", ").append(resource->name);
    return list;
}

Result<void> check_ceiling(const ActionSpec& action, const Resource& resource) {
    const std::string given = "action " + in_quotes(action.argument);
    if (!resource::rlimit_of(resource))
        return fail(fmt::format("{}: the limit of {} is {}, no limit of a process that could be "
                                "raised",
                                given, resource.name, resource.limited_by));
    const auto ceiling = parse_quantity(action.ceiling, resource.unit);
    if (!ceiling) return fail(fmt::format("{}: {}", given, ceiling.error().message));
    return {};
}

Result<void> check_action(const ActionSpec& action, std::span<const WatchSpec> watches) {
    const std::string_view way = action.direction == Direction::up ? "up" : "down";
    const std::string given = "action " + in_quotes(action.argument);
    bool level_found = false;
    bool reported = false;
    for (const WatchSpec& watch : watches) {
        if (!has_level(watch, action)) continue;
        if (action.kind == ActionKind::evidence && !watch.resource->evidence)
            return fail(fmt::format(
                "{}: what {} consists of cannot be told; evidence is there for {}, as in "
                "nofile@{}=evidence",
                given, watch.resource->name, list_with_evidence(), action.level));
        if (action.kind == ActionKind::signal && watch.resource->scope != Scope::process)
            return fail(fmt::format("{}: {} has scope {}: there is no process to send a signal to; "
                                    "use exec:COMMAND",
                                    given, watch.resource->name,
                                    scope_name(watch.resource->scope)));
        if (action.kind == ActionKind::raise)
            if (auto checked = check_ceiling(action, *watch.resource); !checked) return checked;
        reported |= watch.reports(action.direction);
        level_found = true;
    }
    if (reported) return {};
    if (level_found)
        return fail(fmt::format("{}: the watch on that level does not report the way {}; leave "
                                ":{} out of it",
                                given, way, way == "up" ? "down" : "up"));
    return fail(fmt::format("{}: no watch has that level; the levels watched are, as typed: {}",
                            given, list_levels(watches)));
}

// Two actions that would follow from one crossing, though they cannot or need not both be done.
Result<void> check_pair(const ActionSpec& first, const ActionSpec& second) {
    const bool apart = !first.resource.empty() && !second.resource.empty() &&
                       first.resource != second.resource;
    if (apart || first.level != second.level || first.direction != second.direction) return {};
    const std::string both = fmt::format("actions {} and {}", in_quotes(first.argument),
                                         in_quotes(second.argument));
    if (first.text == second.text) return fail(both + ": the same is there twice; once is enough");
    if (first.kind == ActionKind::signal && second.kind == ActionKind::signal)
        return fail(both + ": a level sends one signal; write one, or exec: for more");
    return {};
}

}  // namespace

Result<ActionSpec> parse_action(std::string_view text, Actor actor) {
    auto spec = parse(text, actor);
    if (!spec) return fail(fmt::format("action {}: {}", in_quotes(text), spec.error().message));
    return spec;
}

Result<void> check_actions(std::span<const ActionSpec> actions,
                           std::span<const WatchSpec> watches) {
    for (std::size_t i = 0; i < actions.size(); ++i) {
        Result<void> checked = check_action(actions[i], watches);
        for (std::size_t j = 0; checked && j < i; ++j) checked = check_pair(actions[j], actions[i]);
        if (!checked) return checked;
    }
    return {};
}

Result<int> parse_signal(std::string_view text) {
    std::string name(text);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (name.starts_with("SIG")) name.erase(0, 3);
    std::vector<std::string_view> names;
    for (int signal = 1; signal <= kLastSignal; ++signal) {
        if (name == std::to_string(signal)) return signal;
        const char* candidate = sigabbrev_np(signal);
        if (candidate == nullptr) continue;
        if (name == candidate) return signal;
        names.emplace_back(candidate);
    }
    const std::string_view near = nearest(name, names);
    return fail(fmt::format("there is no signal {}; {}write a name (TERM, SIGTERM) or a number "
                            "from 1 to {}",
                            in_quotes(text),
                            near.empty() ? "" : fmt::format("did you mean {}? ", near),
                            kLastSignal));
}

std::string signal_name(int signal) {
    const char* name = sigabbrev_np(signal);
    return name != nullptr ? name : std::to_string(signal);
}

}  // namespace brink::engine
