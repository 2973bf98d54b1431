// SPDX-License-Identifier: Apache-2.0
// What the kernel says about sockets of the reader's network namespace through NETLINK_SOCK_DIAG, sock_diag(7): one
// dump for each family, without reading the tables of /proc/net as text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace brink::kernel {

/// A socket on which listen(2) was called.
struct ListeningSocket {
    std::string address;  ///< "tcp 0.0.0.0:80", "tcp [::]:80", "unix /run/x.sock", "unix @abstract"
    std::uint16_t port = 0;  ///< TCP
    std::uint64_t inode = 0;
    std::uint32_t waiting = 0;  ///< connections that wait for accept(2)
    std::uint32_t backlog = 0;  ///< as listen(2) was told, bounded by net.core.somaxconn
};

/// A TCP connection, from the side of its local port.
struct Connection {
    std::string local;   ///< address without the port
    std::string remote;  ///< address and port: "10.0.0.2:443"
    std::uint16_t local_port = 0;
};

struct ListeningSockets {
    std::vector<ListeningSocket> sockets;  ///< TCP and AF_UNIX
    std::string missing;                   ///< which of the two the kernel does not tell, and why
};

[[nodiscard]] ListeningSockets listening_sockets();

/// Every TCP socket that has a peer, whatever its state; TIME-WAIT included.
/// Errors: the kernel has no sock_diag for TCP.
[[nodiscard]] Result<std::vector<Connection>> tcp_connections();

}  // namespace brink::kernel
