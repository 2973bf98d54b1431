// SPDX-License-Identifier: Apache-2.0
// What the self-test does to see the hooks of listening sockets run.
#pragma once

namespace brink::kernel {

/// In a child that ends afterwards: listens, connects and accepts over IPv4, IPv6 and AF_UNIX, and where it may have a
/// network namespace of its own also with SYN cookies. Only async-signal-safe calls.
void provoke_sockets();

}  // namespace brink::kernel
