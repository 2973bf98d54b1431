// SPDX-License-Identifier: Apache-2.0
// Connection: a TCP connection that is kept, made again where it has broken, and waited for no longer than its time-out.
//
// The protocols that use it have no answer: what was sent counts as taken when the receiver's kernel has acknowledged it.
// A receiver that crashes before it has read that loses it; nothing on this side can know.
#pragma once

#include <netdb.h>

#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "output/output.hpp"
#include "output/shared/settings.hpp"

namespace brink::output {

class Connection {
  public:
    /// `stop_fd`: Surroundings::stop_fd.
    Connection(Endpoint endpoint, int timeout_ms, int stop_fd)
        : endpoint_(std::move(endpoint)), timeout_ms_(timeout_ms), stop_fd_(stop_fd) {}

    /// Connects, unless it is connected and the receiver has not closed it.
    [[nodiscard]] Result<void> open();
    void close() { socket_.reset(); }

    /// Sends all of it. REQUIRES: open() has succeeded. After an error the connection is closed.
    [[nodiscard]] Result<void> send(std::string_view bytes);
    /// Waits until the receiver's kernel has acknowledged all of it.
    [[nodiscard]] Result<void> confirm();
    /// Waits for exactly `size` bytes.
    [[nodiscard]] Result<std::string> receive(std::size_t size);

    /// Says that nothing more comes, waits until the receiver has closed as well, and closes.
    [[nodiscard]] Result<void> finish();

    /// All of it, for `entries` entries.
    [[nodiscard]] Answer deliver(std::string_view bytes, std::size_t entries);

  private:
    [[nodiscard]] Result<void> connect_to(const addrinfo& address);
    [[nodiscard]] Result<void> wait(short events, std::int64_t until_ns);
    [[nodiscard]] std::int64_t deadline_ns() const;
    [[nodiscard]] bool broken() const;
    [[nodiscard]] tl::unexpected<Error> give_up(const std::string& what, int code);

    Endpoint endpoint_;
    int timeout_ms_;
    int stop_fd_;
    Fd socket_;
};

}  // namespace brink::output
