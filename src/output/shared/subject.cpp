// SPDX-License-Identifier: Apache-2.0
#include "output/shared/subject.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
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

constexpr std::array<std::string_view, 6> kWords{"host",    "resource", "scope",
                                                 "subject", "comm",     "unit"};

std::string word(std::string_view name, const Event& event, const std::string& host) {
    if (name == "host") return host_of(event, host);
    if (name == "resource") return event.resource;
    if (name == "scope") return event.scope;
    if (name == "subject") return subject_name(event);
    if (name == "comm") return event.comm;
    return event.unit_name;
}

// Hands over the text between words, and the words that are in braces.
template <typename TakeText, typename TakeWord>
void take_apart(std::string_view text, TakeText take_text, TakeWord take_word) {
    while (!text.empty()) {
        const std::size_t open = text.find('{');
        const std::size_t close = open == std::string_view::npos ? open : text.find('}', open);
        if (close == std::string_view::npos) return take_text(text);
        take_text(text.substr(0, open));
        take_word(text.substr(open + 1, close - open - 1));
        text.remove_prefix(close + 1);
    }
}

}  // namespace

std::string plain_prefix(Settings& settings) {
    std::string prefix = settings.text("prefix", "brink");
    if (prefix.empty() || prefix != plain_name(prefix, "."))
        settings.complain("prefix", "it may have letters, digits, '-', '_' and '.' only");
    return prefix;
}

std::string fill(std::string_view text, const Event& event, const std::string& host) {
    std::string filled;
    take_apart(
        text, [&](std::string_view part) { filled += part; },
        [&](std::string_view name) { filled += word(name, event, host); });
    return filled;
}

void check_template(Settings& settings, const std::string& key, std::string_view text) {
    if (text.empty()) settings.complain(key, "it is empty");
    take_apart(
        text, [](std::string_view) {},
        [&](std::string_view name) {
            if (std::find(kWords.begin(), kWords.end(), name) == kWords.end())
                settings.complain(key, fmt::format("there is no {{{}}}; there are: {{{}}}",
                                                   terminal_safe(name), fmt::join(kWords, "}, {")));
        });
}

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
