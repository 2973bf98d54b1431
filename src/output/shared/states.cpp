// SPDX-License-Identifier: Apache-2.0
#include "output/shared/states.hpp"

#include <nlohmann/json.hpp>

#include "base/utf8.hpp"
#include "sink/json.hpp"

namespace brink::output {
namespace {

nlohmann::ordered_json object_of(const std::string& name, const State& state) {
    nlohmann::ordered_json object;
    object["name"] = name;
    object["type"] = state.type;
    object["delivered"] = state.delivered;
    object["refused"] = state.refused;
    object["missed"] = state.missed;
    object["failures"] = state.failures;
    object["cursor"] = state.cursor;
    object["behind"] = state.behind();
    if (state.last_delivered_ns != 0)
        object["last_delivered"] = sink::utc_time(state.last_delivered_ns);
    if (!state.problem.empty()) object["problem"] = sanitize_utf8(state.problem);
    if (!state.last_error.empty()) {
        object["last_error"] = sanitize_utf8(state.last_error);
        object["last_error_time"] = sink::utc_time(state.last_error_ns);
    }
    return object;
}

}  // namespace

void States::update(const std::string& name, const std::function<void(State&)>& change) {
    const std::lock_guard lock(mutex_);
    change(states_[name]);
}

std::map<std::string, State> States::all() const {
    const std::uint64_t newest = newest_();
    std::map<std::string, State> states;
    {
        const std::lock_guard lock(mutex_);
        states = states_;
    }
    for (auto& [name, state] : states) state.newest = newest;
    return states;
}

std::string States::json() const {
    nlohmann::ordered_json outputs = nlohmann::ordered_json::array();
    for (const auto& [name, state] : all()) outputs.push_back(object_of(name, state));
    return nlohmann::ordered_json{{"outputs", std::move(outputs)}}.dump();
}

}  // namespace brink::output
