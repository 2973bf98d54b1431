// SPDX-License-Identifier: Apache-2.0
// Whether brinkd is to watch on our behalf: it gives an ordinary user the engine that only root could have.
#pragma once

#include <optional>

#include "engine_choice.hpp"

namespace brink::app {

/// nullopt: it is not to be asked (we are root, an engine was asked for, brinkd(8) watches no such thing), it does not
/// answer, or has no better engine than we have.
[[nodiscard]] std::optional<ChosenEngine> engine_of_daemon(const MonitorOptions& options);

}  // namespace brink::app
