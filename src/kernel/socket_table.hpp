// SPDX-License-Identifier: Apache-2.0
// SocketTable: what /proc/PID/net says about sockets, by inode (proc_pid_net(5)). The tables list
// every socket of the network namespace, so that looking is bounded: only wanted inodes are kept,
// and reading ends when all are found, at a number of bytes, or at a deadline.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace brink::kernel {

/// How a socket is named in a breakdown. `narrow` names what matters most: the peer of a
/// connection that was opened from here, the local port and the peer's host of one that was
/// accepted (so that the peer's ephemeral port does not split the group). `wide` leaves the peer
/// out, for when there are too many.
struct SocketName {
    std::string narrow;  ///< "tcp ESTABLISHED to 10.0.0.1:443", "unix LISTEN /run/x.sock"
    std::string wide;    ///< "tcp ESTABLISHED"
};

class SocketTable {
  public:
    using Inode = std::uint64_t;
    using Clock = std::chrono::steady_clock;

    /// Reads the tables below `net`, a directory like /proc/PID/net, until `deadline`.
    void read(const std::string& net, const std::unordered_set<Inode>& wanted,
              Clock::time_point deadline);

    /// nullptr if no table listed it: not bound and not connected, or of a family without one.
    [[nodiscard]] const SocketName* find(Inode inode) const;

    /// Why sockets may be missing; empty if all tables were read to their end.
    [[nodiscard]] const std::string& unavailable() const { return unavailable_; }

  private:
    struct Inet {
        std::string_view protocol;
        std::string local;
        std::string remote_host;
        std::string remote;  ///< host and port; empty if not connected
        std::string state;
        unsigned local_port = 0;
    };

    void read_file(const std::string& path, std::string_view protocol);
    void read_inet_line(std::string_view line, std::string_view protocol);
    void read_unix_line(std::string_view line);
    void name_inet();
    [[nodiscard]] bool complete() const;

    const std::unordered_set<Inode>* wanted_ = nullptr;
    Clock::time_point deadline_;
    std::unordered_map<Inode, SocketName> names_;
    std::unordered_map<Inode, Inet> inet_;
    std::set<std::pair<std::string_view, unsigned>> listening_;  ///< protocol and port
    std::string unavailable_;
};

}  // namespace brink::kernel
