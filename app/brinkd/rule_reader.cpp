// SPDX-License-Identifier: Apache-2.0
#include "rule_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/units.hpp"
#include "base/utf8.hpp"
#include "time_text.hpp"

namespace brink::app {
namespace {

using engine::ActionKind;
using engine::SelectBy;

constexpr std::array kWithValue{SelectBy::unit, SelectBy::cgroup, SelectBy::container,
                                SelectBy::comm, SelectBy::exe,    SelectBy::user};
constexpr std::array kFlags{SelectBy::realtime, SelectBy::all, SelectBy::system};
constexpr std::string_view kSubjects =
    "unit, cgroup, container, comm, exe, user, realtime, all, system, command";
constexpr std::size_t kMostName = 64;
constexpr std::string_view kNameLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

void read_name(Section& section, Rule& rule) {
    const auto name = section.text("name");
    if (!name) {
        if (!section.has("name"))
            section.complain("the rule has no name; write one, as in name = \"web\"");
        return;
    }
    rule.name = name->text;
    if (rule.name.empty() || rule.name.size() > kMostName ||
        rule.name.find_first_not_of(kNameLetters) != std::string::npos)
        section.complain(name->at, fmt::format("name: {} is no name of a rule; write at most {} "
                                               "letters, digits, '_', '.' and '-'",
                                               in_quotes(rule.name), kMostName));
}

// What brink(1) says of an option holds for the key of that name.
std::string without_dashes(std::string message) {
    if (message.starts_with("option ")) message.erase(0, 7);
    for (std::size_t at = 0; (at = message.find("--", at)) != std::string::npos;)
        message.erase(at, 2);
    return message;
}

void read_subject(Section& section, Rule& rule) {
    std::vector<std::string> given;
    for (const SelectBy by : kWithValue) {
        const std::string key(engine::select_name(by));
        const auto text = section.text(key);
        if (section.has(key)) given.push_back(key);
        if (!text) continue;
        auto selection = engine::parse_selection(by, text->text);
        if (selection)
            rule.selection = std::move(*selection);
        else
            section.complain(text->at, without_dashes(selection.error().message));
    }
    for (const SelectBy by : kFlags) {
        const std::string key(engine::select_name(by));
        if (!section.flag(key).value_or(false)) continue;
        given.push_back(key);
        rule.selection = engine::Selection{.by = by, .value = {}};
    }
    for (TomlText& word : section.texts("command")) rule.command.push_back(std::move(word.text));
    if (section.has("command")) {
        given.emplace_back("command");
        if (rule.command.empty() || rule.command.front().empty())
            section.complain("command: there is no program; write it with its arguments, as in "
                             "command = [\"/usr/bin/server\", \"-v\"]");
    }
    if (given.empty())
        section.complain(fmt::format("the rule has no subject; write one of {}", kSubjects));
    if (given.size() > 1)
        section.complain(fmt::format("{} and {} are both there; write one of them, and another "
                                     "rule for the other",
                                     given[0], given[1]));
}

// What `brink watch` would refuse.
void check_watchable(Section& section, const TomlText& text, const engine::WatchSpec& watch,
                     const Rule& rule) {
    const Resource& resource = *watch.resource;
    if (!resource.watchable())
        section.complain(text.at,
                         fmt::format("watch {}: {} cannot be watched: {}", in_quotes(watch.text),
                                     resource.name, resource.unreadable));
    else if (rule.selection ? !engine::selects(rule.selection->by, resource)
                            : resource.scope != Scope::process)
        section.complain(text.at,
                         fmt::format("watch {}: {} is counted for a {}; {} does not select any",
                                     in_quotes(watch.text), resource.name,
                                     scope_name(resource.scope), rule.subject()));
}

void read_watches(Section& section, Rule& rule) {
    const std::vector<TomlText> texts = section.texts("watch");
    if (texts.empty())
        section.complain("the rule watches nothing; write a watch, as in watch = \"nofile=80%\"");
    if (texts.size() > BRINK_MAX_PER_SUBJECT)
        section.complain(fmt::format("watch: there are {}; a process has at most {} watches, put "
                                     "several levels into one",
                                     texts.size(), BRINK_MAX_PER_SUBJECT));
    for (const TomlText& text : texts) {
        auto watch = engine::parse_watch(text.text);
        if (!watch) {
            section.complain(text.at, watch.error().message);
            continue;
        }
        if (rule.selection || !rule.command.empty()) check_watchable(section, text, *watch, rule);
        rule.watches.push_back(std::move(*watch));
    }
}

// An action on something that the rule does not name is refused here, not when it would be done.
std::string what_is_wrong(const engine::ActionSpec& action, const Rule& rule) {
    const bool names_unit = rule.selection && rule.selection->by == SelectBy::unit &&
                            rule.selection->value.ends_with(".service");
    if (action.kind == ActionKind::restart && action.unit.empty() && !names_unit &&
        rule.command.empty())
        return "the rule names no service that could be restarted; write restart:UNIT";
    if (action.kind != ActionKind::signal && action.kind != ActionKind::raise) return {};
    for (const engine::WatchSpec& watch : rule.watches)
        for (const engine::Level& level : watch.levels)
            if (watch.resource->scope != Scope::process &&
                action.applies_to(watch.resource->name, level.text, action.direction))
                return fmt::format("{} is counted for a {}: there is no process to act on",
                                   watch.resource->name, scope_name(watch.resource->scope));
    return {};
}

// `checked`: the watches are well, so that it can be said which of their levels an action belongs to.
void read_actions(Section& section, Rule& rule, bool checked) {
    for (const TomlText& text : section.texts("on")) {
        auto action = engine::parse_action(text.text, engine::Actor::rule);
        if (!action) {
            section.complain(text.at, action.error().message);
            continue;
        }
        rule.actions.push_back(std::move(*action));
        if (!checked) continue;
        Result<void> right = engine::check_actions(rule.actions, rule.watches);
        if (const std::string wrong = what_is_wrong(rule.actions.back(), rule); !wrong.empty())
            right = fail(fmt::format("action {}: {}", in_quotes(text.text), wrong));
        if (right) continue;
        section.complain(text.at, right.error().message);
        rule.actions.pop_back();
    }
}

void read_bounds(Section& section, Rule& rule) {
    const auto time = [&](const char* key, milliseconds& to) {
        if (const auto ns = section.parsed(key, parse_time_with_days))
            to = std::chrono::duration_cast<milliseconds>(std::chrono::nanoseconds(*ns));
    };
    rule.dry_run = section.flag("dry_run").value_or(rule.dry_run);
    time("cool_down", rule.cool_down);
    rule.max_per_hour = section.number("max_per_hour", 1, 3600).value_or(rule.max_per_hour);
    time("time_limit", rule.time_limit);
    rule.retries = section.number("retries", 0, 100).value_or(rule.retries);
    time("retry_after", rule.retry_after);
    time("restart_grace", rule.restart_grace);
    time("restart_delay", rule.restart_delay);
    if (rule.time_limit < std::chrono::seconds(1) || rule.time_limit > std::chrono::hours(1))
        section.complain("time_limit: it is out of range; write 1s to 1h");
}

}  // namespace

Rule read_rule(Section& section, const Problems& problems) {
    Rule rule;
    const std::size_t before = problems.size();
    const toml::source_location at = section.location();
    rule.place = fmt::format("{}:{}", std::filesystem::path(at.file_name()).filename().string(),
                             at.line());
    read_name(section, rule);
    read_subject(section, rule);
    read_watches(section, rule);
    read_actions(section, rule, problems.size() == before);
    read_bounds(section, rule);
    section.complain_of_unknown();
    return rule;
}

}  // namespace brink::app
