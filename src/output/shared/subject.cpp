// SPDX-License-Identifier: Apache-2.0
#include "output/shared/subject.hpp"

#include <fmt/format.h>

#include <cstring>

#include "base/units.hpp"
#include "base/utf8.hpp"
#include "sink/json.hpp"

namespace brink::output {
namespace {

// The person-friendly form of a number in the event's own unit.
std::string quantity(std::uint64_t value, const Event& event) {
    return format_quantity(value, unit_from_code(event.unit).value_or(Unit::count));
}

std::string what_happened(const Event& event) {
    switch (event.type) {
        case EventType::crossing:
        case EventType::initial:
            return fmt::format("{} {}", event.level_as,
                               event.direction == Direction::down ? "down" : "up");
        case EventType::denied:
            return fmt::format("refused{}",
                               event.error ? fmt::format(" ({})", ::strerrordesc_np(*event.error))
                                           : "");
        case EventType::lost: return fmt::format("{} events are missing", event.lost.value_or(0));
        case EventType::action: return fmt::format("action {} {}", event.action, event.result);
        default: return std::string(sink::type_name(event.type));
    }
}

}  // namespace

std::string subject_name(const Event& event) {
    if (!event.unit_name.empty()) return event.unit_name;
    if (!event.comm.empty()) return event.comm;
    if (!event.cgroup.empty()) return event.cgroup;
    if (event.uid) return fmt::format("user-{}", *event.uid);
    return "system";
}

const std::string& host_of(const Event& event, const std::string& host) {
    return event.host.empty() ? host : event.host;
}

std::string plain_name(std::string_view name, std::string_view also) {
    std::string plain(name);
    for (char& c : plain) {
        const bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                          also.find(c) != std::string_view::npos;
        if (!kept) c = '_';
    }
    return plain.empty() ? "_" : plain;
}

double ratio_of(const Event& event) {
    if (!event.usage || event.limit.value_or(0) == 0) return 0;
    return static_cast<double>(*event.usage) / static_cast<double>(*event.limit);
}

std::string sentence(const Event& event) {
    std::string text = event.resource;
    if (!text.empty()) text += ' ';
    text += what_happened(event);
    if (event.type == EventType::lost) return text;
    text += ": " + subject_name(event);
    if (event.pid) text += fmt::format("[{}]", *event.pid);
    if (event.usage) text += " at " + quantity(*event.usage, event);
    if (event.limit)
        text += " of " + quantity(*event.limit, event);
    else if (event.has_limit)
        text += ", no limit";
    return terminal_safe(text);
}

}  // namespace brink::output
