// SPDX-License-Identifier: Apache-2.0
// Datagrams: to an address over UDP, or to the path of a Unix socket. Nobody answers; that nobody listens is known only where
// the kernel is told so at once, as on the same machine.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "output/shared/settings.hpp"

namespace brink::output {

/// To `path`, or where that is empty to `endpoint`, which may be a multicast group: reached over at most `ttl` hops. Never blocks
/// but to look a name up. Errors: nobody listens; the buffer is full; the datagram is too large.
[[nodiscard]] Result<void> send_datagram(const std::string& path, const Endpoint& endpoint,
                                         std::string_view bytes, int ttl = 64);

}  // namespace brink::output
