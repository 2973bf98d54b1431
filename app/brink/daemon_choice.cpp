// SPDX-License-Identifier: Apache-2.0
#include "daemon_choice.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "broker/daemon_source.hpp"
#include "broker/socket.hpp"

namespace brink::app {
namespace {

bool has_hooks_for_all(const MonitorOptions& options) {
    return std::all_of(options.watches.begin(), options.watches.end(),
                       [](const auto& watch) { return watch.resource->has_hooks(); });
}

}  // namespace

std::optional<ChosenEngine> engine_of_daemon(const MonitorOptions& options) {
    const std::string socket = broker::default_socket();
    if (socket.empty() || ::geteuid() == 0 || options.engine != EngineChoice::automatic ||
        options.selection || !has_hooks_for_all(options))
        return std::nullopt;
    auto source = broker::DaemonSource::connect(socket);
    if (!source || (*source)->engine() == "poll") return std::nullopt;
    ChosenEngine chosen;
    chosen.source = std::move(*source);
    chosen.remark = "through brinkd, exact; signals are sent by brink itself, and the stack that "
                    "crossed is not shown";
    chosen.by_daemon = true;
    return chosen;
}

}  // namespace brink::app
