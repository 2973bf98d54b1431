// SPDX-License-Identifier: Apache-2.0
#include "sink/json_event.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <ctime>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "base/utf8.hpp"
#include "sink/json.hpp"

namespace brink::sink {
namespace {

using Json = nlohmann::json;

// get<>() throws where the type is another; event_from_json catches that.
template <typename Value>
void read(const Json& object, const char* field, Value& to) {
    if (const auto found = object.find(field); found != object.end()) found->get_to(to);
}

template <typename Value>
void read(const Json& object, const char* field, std::optional<Value>& to) {
    if (const auto found = object.find(field); found != object.end() && !found->is_null())
        to = found->get<Value>();
}

// "2026-11-20T09:30:00.123456789Z", as utc_time() writes it.
std::int64_t time_from(const std::string& text) {
    constexpr std::size_t kFraction = 20;  // where the nine decimals begin
    std::tm utc{};
    const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S.", &utc);
    const bool whole = end == text.c_str() + kFraction && text.size() == kFraction + 10 &&
                       text.find_first_not_of("0123456789", kFraction) == text.size() - 1 &&
                       text.back() == 'Z';
    std::int64_t ns = 0;
    if (!whole || __builtin_mul_overflow(std::int64_t{::timegm(&utc)}, 1'000'000'000, &ns) ||
        __builtin_add_overflow(ns, std::stoll(text.substr(kFraction)), &ns))
        throw std::invalid_argument("time is malformed");
    return ns;
}

void read_level_and_limit(const Json& object, Event& event) {
    if (const auto found = object.find("direction"); found != object.end())
        event.direction = *found == "down" ? Direction::down : Direction::up;
    read(object, "level", event.level);
    read(object, "level_as", event.level_as);
    read(object, "cause", event.cause);
    read(object, "usage", event.usage);
    event.has_limit = object.contains("limit");
    read(object, "limit", event.limit);
    read(object, "limit_hard", event.limit_hard);
    read(object, "old_limit", event.old_limit);
    read(object, "unit", event.unit);
}

void read_subject(const Json& object, Event& event) {
    read(object, "pid", event.pid);
    read(object, "tid", event.tid);
    read(object, "ppid", event.ppid);
    read(object, "start_time", event.start_time);
    read(object, "comm", event.comm);
    read(object, "exe", event.exe);
    read(object, "uid", event.uid);
    read(object, "user_namespace", event.user_namespace);
    read(object, "cgroup", event.cgroup);
    read(object, "unit_name", event.unit_name);
    read(object, "target", event.target);
}

Evidence evidence_from(const Json& object) {
    Evidence evidence;
    read(object, "total", evidence.total);
    read(object, "omitted", evidence.omitted);
    read(object, "unavailable", evidence.unavailable);
    for (const Json& from : object.value("items", Json::array())) {
        EvidenceItem& item = evidence.items.emplace_back();
        read(from, "kind", item.kind);
        read(from, "target", item.target);
        read(from, "count", item.count);
    }
    for (const Json& from : object.value("stack", Json::array())) {
        StackFrame& frame = evidence.stack.emplace_back();
        read(from, "address", frame.address);
        read(from, "function", frame.function);
        read(from, "module", frame.module);
        read(from, "offset", frame.offset);
        read(from, "source", frame.source);
    }
    return evidence;
}

Culprit culprit_from(const Json& object) {
    Culprit culprit;
    read(object, "cpu", culprit.cpu);
    read(object, "ns", culprit.ns);
    read(object, "omitted_ns", culprit.omitted_ns);
    for (const Json& from : object.value("items", Json::array())) {
        CulpritItem& item = culprit.items.emplace_back();
        read(from, "kind", item.kind);
        read(from, "name", item.name);
        read(from, "id", item.id);
        read(from, "ns", item.ns);
        read(from, "count", item.count);
    }
    return culprit;
}

void read_by_type(const Json& object, Event& event) {
    read(object, "errno", event.error);
    read(object, "times", event.times);
    read(object, "lost", event.lost);
    read(object, "reason", event.reason);
    read(object, "action", event.action);
    read(object, "result", event.result);
    read(object, "detail", event.detail);
    read(object, "cause_seq", event.cause_seq);
    if (const auto found = object.find("culprit"); found != object.end())
        event.culprit = culprit_from(*found);
    if (const auto found = object.find("evidence"); found != object.end())
        event.evidence = evidence_from(*found);
}

Event event_from(const Json& object) {
    Event event;
    const std::string type = object.at("type").get<std::string>();
    const auto known = type_from_name(type);
    if (!known) throw std::invalid_argument("type " + type + " is unknown");
    event.type = *known;
    event.time_ns = time_from(object.at("time").get<std::string>());
    read(object, "monotonic_ns", event.monotonic_ns);
    read(object, "seq", event.seq);
    read(object, "resource", event.resource);
    read(object, "scope", event.scope);
    read_level_and_limit(object, event);
    read_subject(object, event);
    read(object, "engine", event.engine);
    read(object, "watch", event.watch);
    read(object, "rule", event.rule);
    read(object, "host", event.host);
    read(object, "boot_id", event.boot_id);
    read_by_type(object, event);
    return event;
}

}  // namespace

Result<Event> event_from_json(std::string_view line) {
    try {
        return event_from(Json::parse(line));
    } catch (const std::exception& error) {
        return fail(fmt::format("{} is no event: {}", in_quotes(line), sanitize_utf8(error.what())),
                    EINVAL);
    }
}

}  // namespace brink::sink
