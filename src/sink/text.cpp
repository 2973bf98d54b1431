// SPDX-License-Identifier: Apache-2.0
// The lines of text output: time, mark, resource, level, usage, limit, headroom, who.
#include "sink/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "base/units.hpp"
#include "base/utf8.hpp"
#include "sink/latency_text.hpp"
#include "sink/text_evidence.hpp"

namespace brink::sink {
namespace {

constexpr std::size_t kMostCulprits = 4;
constexpr std::size_t kIndent = 14;  // of everything that belongs to the line above

struct Mark {
    std::string_view unicode;
    std::string_view ascii;
    Tone tone;
};

// Nine tenths of the limit used up, or more.
bool is_close(const Event& event) {
    return event.usage && event.limit && *event.usage >= *event.limit - *event.limit / 10;
}

Mark mark_of(const Event& event) {
    const Tone above = is_close(event) ? Tone::alarm : Tone::warning;
    switch (event.type) {
        case EventType::crossing:
            if (event.direction == Direction::down) return {"▼", "v", Tone::good};
            return {"▲", "^", above};
        case EventType::initial: return {"●", "*", above};
        case EventType::denied: return {"✗", "x", Tone::alarm};
        case EventType::limit_changed: return {"◆", "~", Tone::note};
        case EventType::exit: return {"○", "o", Tone::faint};
        case EventType::lost: return {"!", "!", Tone::alarm};
        case EventType::resync: return {"↻", "=", Tone::note};
        case EventType::action: return {"→", ">", Tone::strong};
    }
    return {" ", " ", Tone::plain};
}

}  // namespace

std::string local_time(std::int64_t time_ns) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    const std::int64_t fraction = (time_ns % kSecond + kSecond) % kSecond;
    const std::time_t seconds = (time_ns - fraction) / kSecond;
    std::tm local{};
    localtime_r(&seconds, &local);
    return fmt::format("{:02}:{:02}:{:02}.{:03}", local.tm_hour, local.tm_min, local.tm_sec,
                       fraction / 1'000'000);
}

namespace {

// What stands in the column of the level.
std::string word_of(const Event& event) {
    switch (event.type) {
        case EventType::crossing:
        case EventType::initial: return terminal_safe(event.level_as);
        case EventType::denied: {
            const char* name = event.error ? strerrorname_np(*event.error) : nullptr;
            if (name != nullptr) return name;
            return event.reason.empty() ? "denied" : terminal_safe(event.reason);
        }
        case EventType::limit_changed: return "limit";
        case EventType::exit: return "exit";
        case EventType::lost: return "lost";
        case EventType::resync: return "resync";
        case EventType::action: return "action";
    }
    return {};
}

Unit unit_of(const Event& event) { return unit_from_code(event.unit).value_or(Unit::count); }

std::string process_of(const Event& event) {
    std::string text = terminal_safe(event.comm);
    if (event.pid) text += fmt::format("[{}]", *event.pid);
    if (event.tid && event.tid != event.pid) text += fmt::format(" thread {}", *event.tid);
    return text;
}

// "user 1000", "cgroup /system.slice", an address, a mount point; empty where the subject is a process.
std::string subject_of(const Event& event) {
    if (event.scope == "user") {
        std::string text = fmt::format("user {}", event.uid.value_or(0));
        if (event.user_namespace) text += fmt::format(" in user:[{}]", *event.user_namespace);
        return text;
    }
    if (event.scope == "cgroup") return "cgroup " + terminal_safe(event.cgroup);
    if (event.scope == "socket") return terminal_safe(event.target);
    if (event.scope == "system")
        return event.target.empty() ? "the system" : terminal_safe(event.target);
    return "";
}

std::string who(const Event& event) {
    const std::string subject = subject_of(event);
    const std::string process = process_of(event);
    if (subject.empty() || process.empty()) return subject + process;
    return subject + (event.scope == "socket" ? " of " : " by ") + process;
}

std::string note_of(const Event& event) {
    switch (event.type) {
        case EventType::crossing:
            if (event.cause == "limit") return "the limit changed";
            return event.cause == "exit" ? "on exit" : "";
        case EventType::initial: return "from the start";
        case EventType::denied:
            return event.times ? fmt::format("refused {} times", *event.times) : "refused";
        case EventType::limit_changed:
            return event.old_limit
                       ? fmt::format("was {}", format_quantity(*event.old_limit, unit_of(event)))
                       : "was unlimited";
        case EventType::exit:
            return event.reason.empty() ? "" : "watched no longer: " + terminal_safe(event.reason);
        case EventType::resync: return "counted anew";
        default: return "";
    }
}

std::string headroom_text(std::int64_t headroom, Unit unit, std::size_t width) {
    const bool over = headroom < 0;
    const auto size = over ? 0 - static_cast<std::uint64_t>(headroom)
                           : static_cast<std::uint64_t>(headroom);
    return fmt::format("{:>{}} {}", format_quantity(size, unit), width, over ? "over" : "left");
}

}  // namespace

std::string TextRenderer::amounts(const Event& event) {
    std::string text;
    if (event.usage) {
        const Unit unit = unit_of(event);
        const std::string usage = format_quantity(*event.usage, unit);
        const std::string limit = event.limit ? format_quantity(*event.limit, unit) : "";
        number_width_ = std::max({number_width_, usage.size(), limit.size()});
        text = fmt::format("{:>{}}", usage, number_width_);
        if (event.limit) text += fmt::format(" of {:<{}}", limit, number_width_);
        if (event.limit) text += "  " + headroom_text(*event.headroom(), unit, number_width_);
        if (event.has_limit && !event.limit) text += ", no limit";
    }
    amounts_width_ = std::max(amounts_width_, text.size());
    return fmt::format("{:<{}}", text, amounts_width_);
}

std::string TextRenderer::action_line(const Event& event) const {
    const Tone tone = event.result == "failed" ? Tone::alarm : Tone::plain;
    const std::string_view ellipsis = style_.unicode ? "…" : "...";
    const std::string action = shorten(terminal_safe(event.action), 32, ellipsis);
    std::string text = paint(style_, Tone::strong, action);
    if (!event.result.empty()) text += " " + paint(style_, tone, terminal_safe(event.result));
    if (const std::string whose = who(event); !whose.empty())
        text += "  " + paint(style_, Tone::strong, whose);
    if (!event.detail.empty()) text += ": " + terminal_safe(event.detail);
    return text;
}

std::string TextRenderer::line(const Event& event) {
    const Mark mark = mark_of(event);
    std::string out = paint(style_, Tone::faint, local_time(event.time_ns)) + "  " +
                      paint(style_, mark.tone, style_.unicode ? mark.unicode : mark.ascii) + " ";
    if (event.type == EventType::action) return out + action_line(event);
    if (event.type == EventType::lost)
        return out + paint(style_, mark.tone,
                           fmt::format("{} records were lost; resync says where things stand",
                                       event.lost.value_or(0)));
    const std::string resource = terminal_safe(event.resource);
    const std::string word = word_of(event);
    resource_width_ = std::max(resource_width_, columns(resource));
    word_width_ = std::max(word_width_, columns(word));
    out += fmt::format("{:<{}} ", resource, resource_width_);
    out += paint(style_, mark.tone, fmt::format("{:<{}}", word, word_width_)) + "  ";
    out += amounts(event) + "  " + paint(style_, Tone::strong, who(event));
    const std::string note = note_of(event);
    if (!note.empty()) out += "  " + paint(style_, Tone::faint, note);
    return out;
}

std::string TextRenderer::render(const Event& event) {
    std::string out;
    const bool folded = folds_ && fold_.takes(event);
    if (fold_.waiting() && (!folded || fold_.due(event))) out = flush();
    if (folded) return out;
    out += line(event) + "\n";
    if (event.culprit)
        out += std::string(kIndent, ' ') +
               paint(style_, Tone::faint, culprit_line(*event.culprit, kMostCulprits)) + "\n";
    if (event.evidence) out += evidence_block(*event.evidence, style_, kIndent);
    return out;
}

std::string TextRenderer::flush() {
    if (!fold_.waiting()) return {};
    const std::string_view dots = style_.unicode ? "⋯" : ":";
    return std::string(kIndent, ' ') +
           paint(style_, Tone::faint, fmt::format("{} {}", dots, fold_.take_summary())) + "\n";
}

}  // namespace brink::sink
