// SPDX-License-Identifier: Apache-2.0
// The two ends of the daemon's socket: where it listens, and how it is reached.
#pragma once

#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace brink::broker {

/// A socket at a path of the file system, for everyone to connect to; the path goes with the object.
class Listener {
  public:
    /// Makes the last folder of `path` if it is missing. A socket that a dead daemon has left is replaced. Errors:
    /// EADDRINUSE, another daemon serves there; those of bind(2).
    [[nodiscard]] static Result<Listener> at(const std::string& path);

    Listener(Listener&&) noexcept = default;
    Listener& operator=(Listener&&) = delete;
    ~Listener();

    /// Does not block. May be called once.
    [[nodiscard]] Fd take_socket() { return std::move(socket_); }

  private:
    Listener(std::string path, Fd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

    std::string path_;
    Fd lock_;  // held as long as the daemon lives, so that no other takes its path
    Fd socket_;
};

/// A connection to the daemon at `path`; blocks like any other socket. Errors: those of connect(2).
[[nodiscard]] Result<Fd> connect_to(const std::string& path);

/// Where the daemon that listens at `socket` says how it is: "/run/brink/status.sock" beside "/run/brink/brink.sock".
[[nodiscard]] std::string status_path(const std::string& socket);

/// $BRINK_SOCKET, or where the daemon is unless told otherwise; empty: none is to be asked.
[[nodiscard]] std::string default_socket();

}  // namespace brink::broker
