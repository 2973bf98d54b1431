// SPDX-License-Identifier: Apache-2.0
// The command line of brinkd as data.
#pragma once

#include <string>
#include <variant>

#include "broker/quota.hpp"
#include "broker/shared_source.hpp"
#include "configuration.hpp"
#include "options.hpp"

namespace brink::app {

/// Of /etc/group: that packaging/systemd/brink.sysusers makes.
constexpr const char* kDefaultGroup = "brink";

struct DaemonOptions {
    std::string configuration = kDefaultConfiguration;
    bool check = false;  ///< --check: only look at the configuration
    std::string socket;
    std::string group = kDefaultGroup;  ///< a name, or a number
    broker::Quotas quotas;
    broker::SourceOptions source;
};

/// `options`: what holds where the command line says nothing. Has no side effects.
[[nodiscard]] std::variant<DaemonOptions, Stop> parse_daemon_line(int argc, const char* const* argv,
                                                                  DaemonOptions options = {});

}  // namespace brink::app
