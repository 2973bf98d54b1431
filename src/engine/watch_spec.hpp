// SPDX-License-Identifier: Apache-2.0
// WatchSpec: what `-w RESOURCE=LEVEL[,LEVEL…][:OPTION…]` says. The grammar is that of brink(1),
// section LEVELS; parse_watch is the only place that knows it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "bpf/wire.h"
#include "brink/event.hpp"
#include "brink/resource.hpp"

namespace brink::engine {

enum class LevelForm {
    absolute = BRINK_LEVEL_ABSOLUTE,  ///< `900`, `2G`, `30s`
    percent = BRINK_LEVEL_PERCENT,    ///< `80%`, `12.5%`: value in thousandths of a per cent
    below = BRINK_LEVEL_BELOW,        ///< `-50`
};

struct Level {
    LevelForm form = LevelForm::absolute;
    std::uint64_t value = 0;
    std::string text;  ///< as typed

    /// Whether both stand at the same usage under every limit, however they were typed.
    [[nodiscard]] bool same_as(const Level& other) const {
        return form == other.form && value == other.value;
    }
};

struct WatchSpec {
    const Resource* resource = nullptr;
    std::vector<Level> levels;  ///< at least one, at most BRINK_MAX_LEVELS, no two the same
    std::optional<Level> rearm;
    bool up = true;
    bool down = true;
    bool inherit = true;
    std::string text;  ///< as typed

    [[nodiscard]] bool reports(Direction direction) const {
        return direction == Direction::up ? up : down;
    }
};

/// Reads one `-w` argument. The error is one line: what was given, what is wrong, what would be
/// right.
[[nodiscard]] Result<WatchSpec> parse_watch(std::string_view text);

/// The watch as the sources of records see it: levels and directions.
[[nodiscard]] brink_watch wire_watch(const WatchSpec& watch);

/// Reads one level for a resource of unit `unit`.
[[nodiscard]] Result<Level> parse_level(std::string_view text, Unit unit);

/// The resource of this name; the error names the nearest and all there are.
[[nodiscard]] Result<const Resource*> parse_resource(std::string_view name);

/// The names of all resources, for messages: "nofile, nproc".
[[nodiscard]] std::string list_resources();

}  // namespace brink::engine
