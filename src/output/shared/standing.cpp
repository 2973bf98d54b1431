// SPDX-License-Identifier: Apache-2.0
#include "output/shared/standing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "output/shared/subject.hpp"

namespace brink::output {
namespace {

constexpr std::size_t kMostSubjects = 4096;

// A number with the unit of measurement that plugins use: bytes, seconds, or none.
std::string measured(std::uint64_t value, const Event& event, bool with_unit) {
    if (event.unit == "ns")
        return fmt::format("{}{}", static_cast<double>(value) / 1e9, with_unit ? "s" : "");
    return fmt::format("{}{}", value, with_unit && event.unit == "By" ? "B" : "");
}

}  // namespace

Status Standing::status_of(const Event& event) const {
    if (!event.level || event.limit.value_or(0) == 0) return Status::warning;
    const double ratio = static_cast<double>(*event.level) / static_cast<double>(*event.limit);
    return ratio >= critical_ratio_ ? Status::critical : Status::warning;
}

void Standing::take(const Event& event) {
    const Subject subject(event.resource, event.pid.value_or(0), event.start_time.value_or(0));
    const std::pair level(event.watch.value_or(0), event.level_as);
    if (event.type == EventType::exit) above_.erase(subject);
    if (!event.usage) return describe(event);
    if (above_.size() >= kMostSubjects && !above_.contains(subject)) above_.erase(above_.begin());
    Above& above = above_[subject];
    switch (event.type) {
        case EventType::crossing:
        case EventType::initial:
            if (event.direction == Direction::down) {
                above.levels.erase(level);
                above.refused = false;
            } else {
                above.levels[level] = {event.level.value_or(0), status_of(event)};
            }
            break;
        case EventType::denied: above.refused = true; break;
        case EventType::resync:
            std::erase_if(above.levels,
                          [&](const auto& known) { return known.second.value > *event.usage; });
            break;
        default: break;
    }
    if (above.levels.empty() && !above.refused) above_.erase(subject);
    describe(event);
}

Status Standing::status() const {
    Status worst = Status::ok;
    for (const auto& [subject, above] : above_) {
        if (above.refused) worst = Status::critical;
        for (const auto& [name, level] : above.levels) worst = std::max(worst, level.status);
    }
    return worst;
}

// '|' would begin the performance data.
void Standing::describe(const Event& event) {
    text_ = sentence(event);
    std::replace(text_.begin(), text_.end(), '|', '/');
    performance_.clear();
    if (!event.usage || event.resource.empty()) return;
    performance_ = fmt::format("'{}'={};", event.resource, measured(*event.usage, event, true));
    if (event.limit.value_or(0) == 0) {
        performance_ += ";;0";
        return;
    }
    const auto critical = static_cast<std::uint64_t>(
        std::ceil(critical_ratio_ * static_cast<double>(*event.limit)));
    performance_ += fmt::format(";{};0;{}", measured(critical, event, false),
                                measured(*event.limit, event, false));
}

}  // namespace brink::output
