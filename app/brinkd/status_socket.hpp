// SPDX-License-Identifier: Apache-2.0
// StatusSocket: a socket (SOCK_SEQPACKET) beside that of the clients; who connects is sent one JSON object, the state of the daemon, and
// the end of the connection. Nothing is read. For root and the members of the group only, by the permissions of the path.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "broker/socket.hpp"

namespace brink::app {

class StatusSocket {
  public:
    /// Errors: those of bind(2), EADDRINUSE.
    [[nodiscard]] static Result<StatusSocket> at(const std::string& path,
                                                 std::optional<gid_t> group);

    [[nodiscard]] int fd() const { return socket_.get(); }
    /// Answers everybody who waits. Who does not take the answer at once gets what fits into the socket.
    void answer(const std::function<std::string()>& state);

  private:
    StatusSocket(broker::Listener listener, Fd socket);

    broker::Listener listener_;
    Fd socket_;
    Fd spare_;  // given up to refuse who waits when no descriptor is left
};

}  // namespace brink::app
