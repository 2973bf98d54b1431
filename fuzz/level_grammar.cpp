// SPDX-License-Identifier: Apache-2.0
// The grammar of `-w` and `--on`: whatever is typed gives a spec that keeps its promises, or one
// clean line. The first line of the input is a watch, the second an action, the third the limit
// under which the watch's thresholds are computed.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/units.hpp"
#include "base/utf8.hpp"
#include "bpf/levels.h"
#include "engine/action_spec.hpp"
#include "engine/watch_spec.hpp"

namespace {

using namespace brink;
using namespace brink::engine;

void require(bool holds) {
    if (!holds) std::abort();
}

std::string_view take_line(std::string_view& rest) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return line;
}

void check_error(const Error& error) {
    require(!error.message.empty() && error.message.size() < 2000);
    require(sanitize_utf8(error.message) == error.message);
    for (const char c : error.message) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

void check_level(const Level& level, Unit unit) {
    require(level.form != LevelForm::percent || (level.value > 0 && level.value <= 100'000));
    require(level.form != LevelForm::absolute || level.value > 0);
    const auto again = parse_level(level.text, unit);
    require(again && again->same_as(level) && again->text == level.text);
}

void check_watch(const WatchSpec& spec, std::string_view text) {
    require(spec.text == text && spec.resource != nullptr);
    require(!spec.levels.empty() && spec.levels.size() <= BRINK_MAX_LEVELS);
    require(spec.up || spec.down);
    for (std::size_t i = 0; i < spec.levels.size(); ++i) {
        check_level(spec.levels[i], spec.resource->unit);
        for (std::size_t j = 0; j < i; ++j) require(!spec.levels[i].same_as(spec.levels[j]));
    }
    if (spec.rearm) check_level(*spec.rearm, spec.resource->unit);
}

void check_thresholds(const WatchSpec& spec, std::uint64_t limit) {
    brink_watch watch{};
    for (std::size_t i = 0; i < spec.levels.size(); ++i) {
        watch.levels[i].value = spec.levels[i].value;
        watch.levels[i].form = static_cast<brink_u8>(spec.levels[i].form);
    }
    watch.n_levels = static_cast<brink_u32>(spec.levels.size());
    if (spec.rearm) {
        watch.flags = BRINK_WATCH_REARM;
        watch.rearm.value = spec.rearm->value;
        watch.rearm.form = static_cast<brink_u8>(spec.rearm->form);
    }
    brink_bounds bounds{};
    brink_set_bounds(&bounds, &watch, limit);
    for (int i = 1; i <= BRINK_MAX_LEVELS; ++i) {
        require(bounds.at[i] > 0 && bounds.at[i] <= bounds.at[i + 1]);
        require(bounds.at[i + 1] <= BRINK_NEVER);
    }
    require(bounds.rearm <= bounds.at[1]);
    require(brink_position(&bounds, 0, 0) == 0);
    require(brink_position(&bounds, BRINK_MAX_LEVELS, 0) == 0);
}

void check_action(const ActionSpec& spec, std::string_view text) {
    require(spec.argument == text && text.ends_with(spec.text));
    require(spec.resource.empty() || find_resource(spec.resource) != nullptr);
    require(spec.kind != ActionKind::signal || (spec.signal > 0 && spec.signal <= 64));
    require(spec.kind != ActionKind::exec || !spec.command.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    const std::string_view watch_text = take_line(rest);
    const std::string_view action_text = take_line(rest);
    const auto limit = parse_count(rest);
    const auto watch = parse_watch(watch_text);
    if (watch) {
        check_watch(*watch, watch_text);
        check_thresholds(*watch, limit.value_or(~std::uint64_t{0}));
    } else {
        check_error(watch.error());
    }
    const auto action = parse_action(action_text);
    if (action) {
        check_action(*action, action_text);
    } else {
        check_error(action.error());
    }
    if (watch && action) {
        const auto checked = check_actions({&*action, 1}, {&*watch, 1});
        if (!checked) check_error(checked.error());
    }
    return 0;
}
