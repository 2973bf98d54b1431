// SPDX-License-Identifier: Apache-2.0
// The client's side of a request: sent, and answered, without touching the events that wait in the descriptor.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "brink/protocol.h"

namespace brink::broker {

/// A request that is to go through ask().
[[nodiscard]] brink_request new_request(brink_request_op op);

/// E2BIG: the spec does not fit.
[[nodiscard]] Result<void> set_spec(brink_request& request, std::string_view spec);

/// Has `requests` (at most BRINK_MAX_REQUESTS) carried out over monitor `fd`, and waits for the answers, each in its place
/// of `replies`: what the daemon refuses is there, not in the result. `descriptors` go with them; a socket for the
/// replies goes behind. Errors: EPIPE, the daemon has ended; EAGAIN, `fd` does not block and is full.
[[nodiscard]] Result<void> ask(int fd, std::span<const brink_request> requests,
                               std::vector<int> descriptors, std::span<brink_event> replies);

/// One request. The error is what the daemon says.
[[nodiscard]] Result<brink_event> ask(int fd, const brink_request& request,
                                      std::vector<int> descriptors = {});

}  // namespace brink::broker
