// SPDX-License-Identifier: Apache-2.0
// The command line of brinkd as data.
#pragma once

#include <string>
#include <variant>

#include "broker/quota.hpp"
#include "broker/shared_source.hpp"
#include "options.hpp"

namespace brink::app {

struct DaemonOptions {
    std::string socket;
    broker::Quotas quotas;
    broker::SourceOptions source;
};

/// Has no side effects.
[[nodiscard]] std::variant<DaemonOptions, Stop> parse_daemon_line(int argc,
                                                                  const char* const* argv);

}  // namespace brink::app
