// SPDX-License-Identifier: Apache-2.0
#include "daemon_state.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "kernel/procfs.hpp"

namespace brink::app {
namespace {

using nlohmann::ordered_json;

ordered_json rule_state(const Rule& rule) {
    ordered_json state{{"name", rule.name}, {"subject", rule.subject()}, {"place", rule.place}};
    for (const engine::WatchSpec& watch : rule.watches) state["watches"].push_back(watch.text);
    for (const engine::ActionSpec& action : rule.actions)
        state["actions"].push_back(action.argument);
    if (rule.dry_run) state["dry_run"] = true;
    return state;
}

ordered_json rules_state(const RuleSet& rules) {
    ordered_json list = ordered_json::array();
    for (const auto& runner : rules.running()) {
        ordered_json state = rule_state(runner->rule());
        state["engine"] = runner->engine();
        state["events"] = runner->events();
        state["acted"] = runner->actions();
        list.push_back(std::move(state));
    }
    for (const IdleRule& idle : rules.idle()) {
        ordered_json state = rule_state(idle.rule);
        state["not_at_work"] = idle.why;
        list.push_back(std::move(state));
    }
    return list;
}

// Its own use of what it watches of others, as the kernel says it.
ordered_json self_state(const StateParts& parts) {
    const kernel::Procfs procfs;
    ordered_json state{{"pid", ::getpid()}, {"up_s", parts.up.count()}};
    if (const auto count = procfs.descriptor_count(::getpid())) state["descriptors"] = *count;
    if (const auto limit = procfs.limit(::getpid(), RLIMIT_NOFILE))
        state["descriptors_limit"] = limit->soft;
    state["records_lost"] = parts.source.dropped();
    state["children_unwatched"] = parts.source.unwatched();
    return state;
}

ordered_json history_state(const store::HistoryOptions& options,
                           const store::HistoryCounters& counters) {
    ordered_json state{{"file", options.path},
                       {"max_bytes", options.max_bytes},
                       {"written", counters.written},
                       {"waiting", counters.waiting},
                       {"dropped", counters.dropped}};
    if (!counters.problem.empty()) state["problem"] = counters.problem;
    return state;
}

}  // namespace

std::string daemon_state(const StateParts& parts) {
    ordered_json state{{"version", BRINK_VERSION}};
    state["engine"] = parts.source.engine();
    if (!parts.remark.empty()) state["engine_remark"] = parts.remark;
    state["socket"] = parts.socket;
    state["clients"] = parts.clients;
    state["configuration"] = parts.configuration.files;
    state["rules"] = rules_state(parts.rules);
    if (parts.history)
        state["history"] = history_state(parts.configuration.history, *parts.history);
    state["self"] = self_state(parts);
    return state.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace brink::app
