// SPDX-License-Identifier: Apache-2.0
// The configuration of the relay, a file in TOML: where the history is, and a table [output.NAME] for each output.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "output/output.hpp"
#include "relay/control_socket.hpp"
#include "store/history_query.hpp"

namespace brink::relay {

inline constexpr const char* kDefaultConfiguration = "/etc/brink/relay.toml";
inline constexpr const char* kDefaultState = "/var/lib/brink-relay";

/// One output, and what the relay does for it.
struct Route {
    std::string name;
    const output::Definition* definition = nullptr;
    std::unique_ptr<output::Output> output;
    std::set<EventType> types;        ///< empty: all
    std::set<std::string> resources;  ///< empty: all
    bool when_asked = false;          ///< only what a rule asks for with webhook:NAME
    bool from_beginning = false;      ///< an output that is new gets what the history has
    int retry_ms = 1000;              ///< after the first failure
    int retry_longest_ms = 300'000;

    [[nodiscard]] bool wants(const Event& event) const {
        if (when_asked && (event.action != "webhook:" + name || event.result != "queued"))
            return false;
        return (types.empty() || types.contains(event.type)) &&
               (resources.empty() || event.resource.empty() || resources.contains(event.resource));
    }
};

struct Configuration {
    std::string history = store::kDefaultHistory;
    std::string state = kDefaultState;      ///< a folder of the relay's own
    std::string control = kDefaultControl;  ///< a socket: brink status, brink test-sink
    std::vector<Route> routes;              ///< in the order of the file
    std::vector<std::string> complaints;    ///< if not empty, the rest is not to be used
};

/// Reads the file and makes the outputs, none of which is started. `surroundings`: for each of them, but for its name.
[[nodiscard]] Configuration read_configuration(const std::string& path,
                                               const output::Surroundings& surroundings);

}  // namespace brink::relay
