// SPDX-License-Identifier: Apache-2.0
#include "engine/dormant.hpp"

#include <fmt/format.h>

#include "base/units.hpp"
#include "bpf/levels.h"

namespace brink::engine {
namespace {

// As it was typed, but for the unit of a quantity.
std::string text_of(const brink_level& level, Unit unit) {
    if (level.form == BRINK_LEVEL_PERCENT)
        return fmt::format("{}%", static_cast<double>(level.value) / 1000);
    const std::string quantity = format_quantity(level.value, unit);
    return level.form == BRINK_LEVEL_BELOW ? "-" + quantity : quantity;
}

}  // namespace

std::string dormant_remark(const Resource& resource, const resource::Subject& subject,
                           const brink_watch& watch, std::uint64_t limit) {
    std::string levels;
    for (std::uint32_t i = 0; i < watch.n_levels; ++i) {
        const brink_level& level = watch.levels[i];
        const std::uint64_t at = brink_level_at(level.form, level.value, limit);
        if (at < BRINK_NEVER && at <= limit) continue;
        levels.append(levels.empty() ? "" : ", ").append(text_of(level, resource.unit));
    }
    if (levels.empty()) return "";
    return fmt::format("{} of {} is dormant for {}: the limit is {}; it wakes when a changed limit "
                       "allows it",
                       levels, resource.name, subject.name,
                       limit == resource::kUnlimited ? "unlimited"
                                                     : format_quantity(limit, resource.unit));
}

}  // namespace brink::engine
