// SPDX-License-Identifier: Apache-2.0
// What every action gets and gives. An action never blocks the caller's loop for longer than its
// header says, and answers exactly once.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "brink/event.hpp"

namespace brink::action {

/// How it went: the fields of an `action` event.
struct ActionOutcome {
    std::string result;  ///< "done", "sent", "failed"
    std::string detail;  ///< one clear sentence; may be empty where `result` says all
    std::optional<Evidence> evidence;
};

/// Called once, from the caller's own thread: at once, or later from the action's on_readable().
using OutcomeHandler = std::function<void(ActionOutcome)>;

[[nodiscard]] inline ActionOutcome failed(std::string detail) {
    return {"failed", std::move(detail), std::nullopt};
}

}  // namespace brink::action
