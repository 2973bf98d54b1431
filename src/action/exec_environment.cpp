// SPDX-License-Identifier: Apache-2.0
// The environment of an action's command.
#include <algorithm>
#include <string_view>

#include "action/exec.hpp"

namespace brink::action {
namespace {

std::string_view type_name(EventType type) {
    switch (type) {
        case EventType::crossing: return "crossing";
        case EventType::initial: return "initial";
        case EventType::denied: return "denied";
        case EventType::limit_changed: return "limit_changed";
        case EventType::exit: return "exit";
        case EventType::lost: return "lost";
        case EventType::resync: return "resync";
        case EventType::action: return "action";
    }
    return "";
}

class Variables {
  public:
    void add(std::string_view name, std::string value) {
        if (value.empty()) return;
        std::replace(value.begin(), value.end(), '\0', '?');
        list_.push_back("BRINK_" + std::string(name) + "=" + value);
    }
    template <typename Number>
    void add(std::string_view name, const std::optional<Number>& value) {
        if (value) add(name, std::to_string(*value));
    }
    [[nodiscard]] std::vector<std::string> take() { return std::move(list_); }

  private:
    std::vector<std::string> list_;
};

}  // namespace

std::vector<std::string> event_environment(const Event& event) {
    Variables variables;
    variables.add("TYPE", std::string(type_name(event.type)));
    variables.add("RESOURCE", event.resource);
    if (event.direction)
        variables.add("DIRECTION", *event.direction == Direction::up ? "up" : "down");
    variables.add("LEVEL", event.level);
    variables.add("LEVEL_AS", event.level_as);
    variables.add("USAGE", event.usage);
    if (event.has_limit && !event.limit)
        variables.add("LIMIT", "unlimited");
    else
        variables.add("LIMIT", event.limit);
    variables.add("SCOPE", event.scope);
    variables.add("UID", event.uid);
    variables.add("CGROUP", event.cgroup);
    variables.add("TARGET", event.target);
    variables.add("PID", event.pid);
    variables.add("TID", event.tid);
    variables.add("COMM", event.comm);
    variables.add("SEQ", std::to_string(event.seq));
    variables.add("HOST", event.host);
    return variables.take();
}

}  // namespace brink::action
