// SPDX-License-Identifier: Apache-2.0
#include "forecast.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/units.hpp"
#include "base/utf8.hpp"
#include "sink/json.hpp"

namespace brink::app {
namespace {

using store::Forecast;

constexpr std::uint64_t kSecondNs = 1'000'000'000;

// One usage: a process by its pid, its start and the boot; a user, a cgroup by what it is.
std::string key_of(const Event& event) {
    std::string key = fmt::format("{} {} {} ", event.boot_id, event.resource, event.scope);
    if (event.scope == "user") return key + fmt::format("{}", event.uid.value_or(0));
    if (event.scope == "cgroup") return key + event.cgroup;
    if (event.scope == "system") return key;
    return key + fmt::format("{} {}", event.pid.value_or(0), event.start_time.value_or(0));
}

std::string name_of(const Event& event) {
    if (event.scope == "user") return fmt::format("user {}", event.uid.value_or(0));
    if (event.scope == "cgroup") return "cgroup " + terminal_safe(event.cgroup);
    if (event.scope == "system") return "the system";
    return fmt::format("{}[{}]", terminal_safe(event.comm), event.pid.value_or(0));
}

Unit unit_of(const Event& event) { return unit_from_code(event.unit).value_or(Unit::count); }

std::int64_t limit_at_ns(const Event& last, const Forecast& forecast) {
    return last.time_ns + static_cast<std::int64_t>(*forecast.left_ns);
}

// Three digits are more than a rate of crossings is worth.
std::string rate_of(const Event& last, const Forecast& forecast) {
    const Unit unit = unit_of(last);
    if (unit != Unit::count && forecast.per_second >= 1)
        return format_quantity(static_cast<std::uint64_t>(forecast.per_second), unit) + "/s";
    if (forecast.per_second >= 0.1) return fmt::format("{:.3g}/s", forecast.per_second);
    return fmt::format("{:.3g}/h", forecast.per_second * 3600);
}

// "26s", "3h05m": seconds are enough.
std::string duration(std::uint64_t ns) {
    return format_quantity(ns - ns % kSecondNs, Unit::time_ns);
}

// To the second.
std::string moment(std::int64_t time_ns) { return sink::utc_time(time_ns).substr(0, 19) + "Z"; }

}  // namespace

void Forecasts::add(const Event& event) {
    if (event.type == EventType::exit) {
        if (const auto found = subjects_.find(key_of(event)); found != subjects_.end())
            found->second.usage.end();
        return;
    }
    // What stands at an exit is no growth, and what an action states is no measurement.
    if (!event.usage || event.cause == "exit" || event.type == EventType::action) return;
    Subject& subject = subjects_[key_of(event)];
    subject.usage.add({event.monotonic_ns, *event.usage, event.limit});
    subject.last = event;
    subject.last.evidence.reset();
}

std::vector<Forecasts::Line> Forecasts::lines() const {
    std::vector<Line> lines;
    for (const auto& [key, subject] : subjects_)
        lines.push_back({&subject, subject.usage.forecast()});
    std::stable_sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
        if (!a.forecast.left_ns || !b.forecast.left_ns)
            return a.forecast.left_ns.has_value() && !b.forecast.left_ns;
        return limit_at_ns(a.subject->last, a.forecast) < limit_at_ns(b.subject->last, b.forecast);
    });
    return lines;
}

std::string Forecasts::text(const sink::TextStyle& style) const {
    std::string out;
    for (const auto& [subject, forecast] : lines()) {
        const Event& last = subject->last;
        const Unit unit = unit_of(last);
        out += fmt::format("{} {}  {}", last.resource,
                           sink::paint(style, sink::Tone::strong, name_of(last)),
                           format_quantity(*last.usage, unit));
        if (last.limit) out += " of " + format_quantity(*last.limit, unit);
        if (!forecast.left_ns) {
            out += fmt::format(", cannot be foreseen: {}\n", forecast.why_not);
            continue;
        }
        const std::string in = duration(*forecast.left_ns);
        out += fmt::format(", grows {} ({} points over {}): limit {} after {}, at {}\n",
                           rate_of(last, forecast), subject->usage.points(),
                           duration(subject->usage.span_ns()),
                           sink::paint(style, sink::Tone::warning, in), moment(last.time_ns),
                           moment(limit_at_ns(last, forecast)));
    }
    return out;
}

std::string Forecasts::json() const {
    using nlohmann::ordered_json;
    std::string out;
    for (const auto& [subject, forecast] : lines()) {
        const Event& last = subject->last;
        ordered_json line{{"resource", last.resource}, {"scope", last.scope}};
        if (last.pid) line["pid"] = *last.pid;
        if (last.start_time) line["start_time"] = *last.start_time;
        if (!last.comm.empty()) line["comm"] = last.comm;
        if (last.uid) line["uid"] = *last.uid;
        if (!last.cgroup.empty()) line["cgroup"] = last.cgroup;
        line["usage"] = *last.usage;
        line["limit"] = last.limit ? ordered_json(*last.limit) : ordered_json(nullptr);
        line["unit"] = last.unit;
        line["time"] = sink::utc_time(last.time_ns);
        line["points"] = subject->usage.points();
        line["span_ns"] = subject->usage.span_ns();
        line["per_second"] = std::round(forecast.per_second * 1e6) / 1e6;
        if (forecast.left_ns) {
            line["left_ns"] = *forecast.left_ns;
            line["limit_at"] = sink::utc_time(limit_at_ns(last, forecast));
        } else {
            line["why_not"] = forecast.why_not;
        }
        out += line.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
    }
    return out;
}

}  // namespace brink::app
