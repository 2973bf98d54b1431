// SPDX-License-Identifier: Apache-2.0
// Written by hand: a record is formatted for every event, the fields are known, and a document
// tree would be built only to be thrown away.
#include "sink/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstring>
#include <ctime>
#include <iterator>
#include <optional>
#include <string_view>

#include "base/utf8.hpp"

namespace brink::sink {
namespace {

// In the order of EventType.
constexpr std::array<std::string_view, 8> kTypes{"crossing", "initial", "denied", "limit_changed",
                                                 "exit",     "lost",    "resync", "action"};
static_assert(kTypes.size() == static_cast<std::size_t>(EventType::action) + 1);

void append_string(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : sanitize_utf8(text)) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            out.append({'\\', c});
        else if (c == '\n')
            out += "\\n";
        else if (byte < 0x20 || byte == 0x7f)
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
        else
            out += c;
    }
    out += '"';
}

// One JSON object. Fields that do not apply (nullopt, empty strings) are left out.
class Object {
  public:
    explicit Object(std::string& out) : out_(out) { out_ += '{'; }
    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;
    ~Object() { out_ += '}'; }

    void name(std::string_view field) {
        if (!first_) out_ += ',';
        first_ = false;
        fmt::format_to(std::back_inserter(out_), "\"{}\":", field);
    }

    void add(std::string_view field, std::string_view text) {
        if (text.empty()) return;
        name(field);
        append_string(out_, text);
    }

    template <std::integral Number>
    void add(std::string_view field, Number number) {
        name(field);
        fmt::format_to(std::back_inserter(out_), "{}", number);
    }

    template <std::integral Number>
    void add(std::string_view field, const std::optional<Number>& number) {
        if (number) add(field, *number);
    }

    void add_null(std::string_view field) {
        name(field);
        out_ += "null";
    }

  private:
    std::string& out_;
    bool first_ = true;
};

template <typename Items, typename Append>
void append_array(std::string& out, const Items& items, Append append) {
    out += '[';
    bool first = true;
    for (const auto& item : items) {
        if (!first) out += ',';
        first = false;
        append(out, item);
    }
    out += ']';
}

void append_item(std::string& out, const EvidenceItem& item) {
    Object object(out);
    object.add("kind", item.kind);
    object.add("target", item.target);
    object.add("count", item.count);
}

void append_frame(std::string& out, const StackFrame& frame) {
    Object object(out);
    object.add("address", frame.address);
    object.add("function", frame.function);
    object.add("module", frame.module);
    if (!frame.function.empty() || !frame.module.empty()) object.add("offset", frame.offset);
    object.add("source", frame.source);
}

void append_evidence(std::string& out, const Evidence& evidence) {
    Object object(out);
    object.add("total", evidence.total);
    object.name("items");
    append_array(out, evidence.items, append_item);
    if (evidence.omitted > 0) object.add("omitted", evidence.omitted);
    if (!evidence.stack.empty()) {
        object.name("stack");
        append_array(out, evidence.stack, append_frame);
    }
    object.add("unavailable", evidence.unavailable);
}

void append_culprit_item(std::string& out, const CulpritItem& item) {
    Object object(out);
    object.add("kind", item.kind);
    object.add("name", item.name);
    object.add("id", item.id);
    object.add("ns", item.ns);
    object.add("count", item.count);
}

std::string_view direction_name(Direction direction) {
    return direction == Direction::up ? "up" : "down";
}

void add_level_and_limit(Object& object, const Event& event) {
    if (event.direction) object.add("direction", direction_name(*event.direction));
    object.add("level", event.level);
    object.add("level_as", event.level_as);
    object.add("cause", event.cause);
    object.add("usage", event.usage);
    if (event.has_limit && !event.limit)
        object.add_null("limit");
    else
        object.add("limit", event.limit);
    object.add("limit_hard", event.limit_hard);
    object.add("old_limit", event.old_limit);
    object.add("unit", event.unit);
}

void add_subject(Object& object, const Event& event) {
    object.add("pid", event.pid);
    object.add("tid", event.tid);
    object.add("ppid", event.ppid);
    object.add("start_time", event.start_time);
    object.add("comm", event.comm);
    object.add("exe", event.exe);
    object.add("uid", event.uid);
    object.add("user_namespace", event.user_namespace);
    object.add("cgroup", event.cgroup);
    object.add("unit_name", event.unit_name);
    object.add("target", event.target);
}

void add_by_type(Object& object, std::string& out, const Event& event) {
    object.add("errno", event.error);
    if (event.error)
        if (const char* name = strerrorname_np(*event.error)) object.add("error", name);
    object.add("times", event.times);
    object.add("lost", event.lost);
    object.add("reason", event.reason);
    object.add("action", event.action);
    object.add("result", event.result);
    object.add("detail", event.detail);
    object.add("cause_seq", event.cause_seq);
    if (event.evidence) {
        object.name("evidence");
        append_evidence(out, *event.evidence);
    }
    if (event.culprit) {
        object.name("culprit");
        out += culprit_json(*event.culprit);
    }
}

}  // namespace

std::string to_json(const Event& event) {
    std::string out;
    out.reserve(512);
    {
        Object object(out);
        object.add("type", type_name(event.type));
        object.add("time", utc_time(event.time_ns));
        object.add("monotonic_ns", event.monotonic_ns);
        object.add("seq", event.seq);
        object.add("resource", event.resource);
        object.add("scope", event.scope);
        add_level_and_limit(object, event);
        add_subject(object, event);
        object.add("engine", event.engine);
        object.add("watch", event.watch);
        object.add("rule", event.rule);
        object.add("host", event.host);
        object.add("boot_id", event.boot_id);
        add_by_type(object, out, event);
    }
    return out;
}

std::string culprit_json(const Culprit& culprit) {
    std::string out;
    {
        Object object(out);
        object.add("cpu", culprit.cpu);
        object.add("ns", culprit.ns);
        object.name("items");
        append_array(out, culprit.items, append_culprit_item);
        if (culprit.omitted_ns > 0) object.add("omitted_ns", culprit.omitted_ns);
    }
    return out;
}

std::string_view type_name(EventType type) {
    const auto index = static_cast<std::size_t>(type);
    return index < kTypes.size() ? kTypes[index] : std::string_view();
}

std::optional<EventType> type_from_name(std::string_view name) {
    const auto found = std::find(kTypes.begin(), kTypes.end(), name);
    if (found == kTypes.end()) return std::nullopt;
    return static_cast<EventType>(found - kTypes.begin());
}

std::span<const std::string_view> type_names() { return kTypes; }

std::string utc_time(std::int64_t time_ns) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    const std::int64_t fraction = (time_ns % kSecond + kSecond) % kSecond;
    const std::time_t seconds = time_ns / kSecond - (time_ns % kSecond < 0 ? 1 : 0);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", utc.tm_year + 1900,
                       utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, fraction);
}

}  // namespace brink::sink
