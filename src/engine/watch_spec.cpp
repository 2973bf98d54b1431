// SPDX-License-Identifier: Apache-2.0
// The grammar of watches: levels in their three forms, options, and what must hold between them.
#include "engine/watch_spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/nearest.hpp"
#include "base/units.hpp"
#include "base/utf8.hpp"

namespace brink::engine {
namespace {

constexpr std::uint64_t kWholePercent = 100'000;  // 100 %, in thousandths of a per cent

std::string_view example_level(Unit unit) {
    switch (unit) {
        case Unit::count: return "900";
        case Unit::bytes: return "512M";
        case Unit::time_ns: return "30s";
    }
    return {};
}

std::string right_forms(Unit unit) {
    const std::string_view example = example_level(unit);
    return fmt::format(
        "write a usage ({}), a share of the limit (80%), or a distance below it (-{})", example,
        unit == Unit::count ? "50" : example);
}

bool is_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// "12.5" to 12500. nullopt: malformed, or so large that it does not matter how large.
std::optional<std::uint64_t> parse_thousandths(std::string_view text) {
    const std::size_t point = text.find('.');
    const std::string_view whole = text.substr(0, point);
    std::string decimals;
    if (point != std::string_view::npos) {
        decimals = text.substr(point + 1);
        if (!is_digits(decimals) || decimals.size() > 3) return std::nullopt;
    }
    decimals.resize(3, '0');
    if (!is_digits(whole) || whole.size() > 12) return std::nullopt;
    return std::stoull(std::string(whole) + decimals);
}

Result<Level> parse_percent(std::string_view text) {
    const auto value = parse_thousandths(text.substr(0, text.size() - 1));
    if (!value)
        return fail(fmt::format("level {} is malformed; write a percentage with at most three "
                                "decimals, such as 80% or 99.5%",
                                in_quotes(text)));
    if (*value == 0 || *value > kWholePercent)
        return fail(fmt::format("level {} is {}; a percentage is above 0 and at most 100",
                                in_quotes(text), *value == 0 ? "zero" : "above the limit"));
    return Level{LevelForm::percent, *value, std::string(text)};
}

// The number of an absolute level, or of the distance in one below the limit. `text` is the level.
Result<std::uint64_t> parse_number(std::string_view digits, std::string_view text, Unit unit) {
    const auto value = parse_quantity(digits, unit);
    if (value) return value;
    if (value.error().code == ERANGE)
        return fail(
            fmt::format("level {} is too large; write a number below 2^64", in_quotes(text)));
    const bool suffix = digits.size() > 1 && is_digits(digits.substr(0, digits.size() - 1)) &&
                        std::string_view("KMGT").find(digits.back()) != std::string_view::npos;
    return fail(fmt::format("level {} is malformed{}; {}", in_quotes(text),
                            suffix ? ": this is a number of things, which takes no suffix" : "",
                            right_forms(unit)));
}

Result<Level> parse_below(std::string_view text, Unit unit) {
    const auto value = parse_number(text.substr(1), text, unit);
    if (!value) return tl::unexpected(value.error());
    return Level{LevelForm::below, *value, std::string(text)};
}

Result<Level> parse_absolute(std::string_view text, Unit unit) {
    const auto value = parse_number(text, text, unit);
    if (!value) return tl::unexpected(value.error());
    if (*value == 0)
        return fail(fmt::format("level {} is always reached; levels are above 0", in_quotes(text)));
    return Level{LevelForm::absolute, *value, std::string(text)};
}

// Takes the text up to the next `separator` out of `rest`, and the separator with it.
std::string_view take_until(std::string_view& rest, char separator) {
    const std::size_t end = std::min(rest.find(separator), rest.size());
    const std::string_view taken = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return taken;
}

Result<std::vector<Level>> parse_levels(std::string_view text, Unit unit) {
    std::vector<Level> levels;
    for (bool more = true; more;) {
        more = text.find(',') != std::string_view::npos;
        const auto level = parse_level(take_until(text, ','), unit);
        if (!level) return tl::unexpected(level.error());
        for (const Level& earlier : levels)
            if (earlier.same_as(*level))
                return fail(fmt::format("level {} {}; name each level once", in_quotes(level->text),
                                        level->text == earlier.text
                                            ? "is there twice"
                                            : "is the same as " + in_quotes(earlier.text)));
        if (levels.size() == BRINK_MAX_LEVELS)
            return fail(fmt::format("there are more than {} levels; spread them over several -w",
                                    BRINK_MAX_LEVELS));
        levels.push_back(*level);
    }
    return levels;
}

struct Options {
    bool up = false;
    bool down = false;
    bool no_inherit = false;
    std::optional<Level> rearm;
};

tl::unexpected<Error> unknown_option(std::string_view option) {
    const std::string_view name = option.substr(0, option.find('='));
    const std::string_view near = nearest(name, {"up", "down", "rearm", "no-inherit"});
    return fail(
        fmt::format("there is no option {}; {}there are: :up, :down, :rearm=LEVEL, :no-inherit",
                    in_quotes(":" + std::string(option)),
                    near.empty() ? "" : fmt::format("did you mean :{}? ", near)));
}

Result<void> set_once(bool& flag, std::string_view option) {
    if (std::exchange(flag, true))
        return fail(fmt::format("option :{} is there twice; once is enough", option));
    return {};
}

Result<void> parse_rearm(std::string_view value, Unit unit, Options& options) {
    if (options.rearm) return fail("option :rearm is there twice; a watch has one rearm level");
    auto level = parse_level(value, unit);
    if (!level) return fail(fmt::format("option :rearm: {}", level.error().message));
    options.rearm = std::move(*level);
    return {};
}

Result<void> parse_option(std::string_view option, Unit unit, Options& options) {
    constexpr std::string_view kRearm = "rearm=";
    if (option == "up") return set_once(options.up, option);
    if (option == "down") return set_once(options.down, option);
    if (option == "no-inherit") return set_once(options.no_inherit, option);
    if (option.starts_with(kRearm)) return parse_rearm(option.substr(kRearm.size()), unit, options);
    if (option == "rearm")
        return fail("option :rearm has no level; write the level to fall below, as in :rearm=60%");
    return unknown_option(option);
}

Result<Options> parse_options(std::string_view text, Unit unit) {
    Options options;
    for (bool more = true; more;) {
        more = text.find(':') != std::string_view::npos;
        const auto parsed = parse_option(take_until(text, ':'), unit, options);
        if (!parsed) return tl::unexpected(parsed.error());
    }
    if (options.up && options.down)
        return fail("options :up and :down are both there; both directions are the default, so "
                    "leave them out or write one of them");
    return options;
}

// Only levels of the same form can be compared without knowing the limit.
Result<void> check_rearm(const Level& rearm, const std::vector<Level>& levels) {
    for (const Level& level : levels) {
        if (level.form != rearm.form) continue;
        const bool lower = rearm.form == LevelForm::below ? rearm.value > level.value
                                                          : rearm.value < level.value;
        if (!lower)
            return fail(fmt::format("rearm level {} is not below level {}; it must be below every "
                                    "level of the watch",
                                    in_quotes(rearm.text), in_quotes(level.text)));
    }
    return {};
}

Result<WatchSpec> parse(std::string_view text) {
    const std::size_t equals = text.find('=');
    const std::size_t colon = text.find(':');
    const auto resource = parse_resource(text.substr(0, std::min(equals, colon)));
    if (!resource) return tl::unexpected(resource.error());
    const Unit unit = (*resource)->unit;
    if (equals == std::string_view::npos || colon < equals)
        return fail(fmt::format("there is no level; write {}=LEVEL, as in {}={}", (*resource)->name,
                                (*resource)->name,
                                (*resource)->facility == Facility::wakeups ? "200us" : "80%"));

    std::string_view rest = text.substr(equals + 1);
    const bool has_options = rest.find(':') != std::string_view::npos;
    auto levels = parse_levels(take_until(rest, ':'), unit);
    if (levels && (*resource)->facility == Facility::wakeups)
        for (const Level& level : *levels)
            if (level.form != LevelForm::absolute)
                return fail(fmt::format(
                    "level {} is relative, and no limit holds {}; write a time, such as 200us",
                    in_quotes(level.text), (*resource)->name));
    if (!levels) return tl::unexpected(levels.error());
    Options options;
    if (has_options) {
        auto parsed = parse_options(rest, unit);
        if (!parsed) return tl::unexpected(parsed.error());
        options = std::move(*parsed);
    }
    if (options.rearm) {
        const auto checked = check_rearm(*options.rearm, *levels);
        if (!checked) return tl::unexpected(checked.error());
    }
    return WatchSpec{.resource = *resource,
                     .levels = std::move(*levels),
                     .rearm = std::move(options.rearm),
                     .up = !options.down,
                     .down = !options.up,
                     .inherit = !options.no_inherit,
                     .text = std::string(text)};
}

}  // namespace

Result<WatchSpec> parse_watch(std::string_view text) {
    auto spec = parse(text);
    if (!spec) return fail(fmt::format("watch {}: {}", in_quotes(text), spec.error().message));
    return spec;
}

brink_watch wire_watch(const WatchSpec& watch) {
    const auto wire_level = [](const Level& level) {
        brink_level wire{};
        wire.value = level.value;
        wire.form = static_cast<brink_u8>(level.form);
        return wire;
    };
    brink_watch wire{};
    wire.n_levels = static_cast<brink_u32>(watch.levels.size());
    wire.flags = (watch.up ? brink_u32{BRINK_WATCH_UP} : 0U) |
                 (watch.down ? brink_u32{BRINK_WATCH_DOWN} : 0U) |
                 (watch.inherit ? brink_u32{BRINK_WATCH_INHERIT} : 0U) |
                 (watch.rearm ? brink_u32{BRINK_WATCH_REARM} : 0U);
    if (watch.rearm) wire.rearm = wire_level(*watch.rearm);
    std::transform(watch.levels.begin(), watch.levels.end(), std::begin(wire.levels), wire_level);
    return wire;
}

Result<Level> parse_level(std::string_view text, Unit unit) {
    if (text.empty()) return fail(fmt::format("a level is missing; {}", right_forms(unit)));
    if (text.ends_with('%')) return parse_percent(text);
    if (text.starts_with('-')) return parse_below(text, unit);
    return parse_absolute(text, unit);
}

Result<const Resource*> parse_resource(std::string_view name) {
    if (const Resource* found = find_resource(name)) return found;
    if (name.empty())
        return fail(fmt::format("the resource is missing; there are: {}", list_resources()));
    const std::string_view near = nearest_resource(name);
    return fail(fmt::format("there is no resource {}; {}", in_quotes(name),
                            near.empty() ? "there are: " + list_resources()
                                         : fmt::format("did you mean {}?", near)));
}

std::string list_resources() {
    std::string list;
    for (const Resource* resource : resources())
        list.append(list.empty() ? "" : ", ").append(resource->name);
    return list;
}

}  // namespace brink::engine
