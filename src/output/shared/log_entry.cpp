// SPDX-License-Identifier: Apache-2.0
#include "output/shared/log_entry.hpp"

#include <syslog.h>

#include <optional>

#include "output/shared/subject.hpp"
#include "sink/json.hpp"

namespace brink::output {
namespace {

int priority_of(const Event& event) {
    switch (event.type) {
        case EventType::denied: return LOG_ERR;
        case EventType::lost: return LOG_WARNING;
        case EventType::crossing:
        case EventType::initial:
            return event.direction == Direction::down ? LOG_NOTICE : LOG_WARNING;
        default: return LOG_INFO;
    }
}

class Fields {
  public:
    void add(std::string_view name, std::string_view value) {
        if (!value.empty()) fields_.emplace_back(name, value);
    }
    template <typename Number>
    void add(std::string_view name, const std::optional<Number>& number) {
        if (number) fields_.emplace_back(name, std::to_string(*number));
    }
    [[nodiscard]] auto take() { return std::move(fields_); }

  private:
    std::vector<std::pair<std::string_view, std::string>> fields_;
};

}  // namespace

LogEntry log_entry_of(const Entry& entry) {
    const Event& event = entry.event;
    LogEntry log;
    log.priority = priority_of(event);
    log.id = entry.is_test() ? "test" : sink::type_name(event.type);
    log.sentence = (entry.is_test() ? "test: " : "") + sentence(event);
    Fields fields;
    fields.add("type", log.id);
    fields.add("seq", std::optional(event.seq));
    fields.add("resource", event.resource);
    fields.add("scope", event.scope);
    if (event.direction) fields.add("direction", event.direction == Direction::up ? "up" : "down");
    fields.add("level", event.level);
    fields.add("level_as", event.level_as);
    fields.add("usage", event.usage);
    fields.add("limit", event.limit);
    fields.add("unit", event.unit);
    fields.add("pid", event.pid);
    fields.add("comm", event.comm);
    fields.add("uid", event.uid);
    fields.add("cgroup", event.cgroup);
    fields.add("unit_name", event.unit_name);
    fields.add("error", event.error);
    fields.add("lost", event.lost);
    fields.add("action", event.action);
    fields.add("result", event.result);
    log.fields = fields.take();
    return log;
}

}  // namespace brink::output
