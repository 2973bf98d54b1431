// SPDX-License-Identifier: Apache-2.0
// accept_queue: connections that wait for accept(2) on a listening socket, TCP or AF_UNIX, against its backlog
// (listen(2)): sk->sk_ack_backlog and sk->sk_max_ack_backlog. The kernel takes one connection more than the
// backlog (sk_acceptq_is_full(), unix_recvq_full()): that is the limit here. Beyond it TCP drops, and
// connect(2) on AF_UNIX waits or fails with EAGAIN. Of the reader's network namespace.
#include <cerrno>

#include "resource/shared/sockets.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    const kernel::ListeningSockets& listening = machine.listening();
    std::size_t unknown = 0;
    for (const kernel::ListeningSocket& socket : listening.sockets) {
        const pid_t owner = machine.descriptors().socket_owner(socket.inode);
        if (owner == 0) ++unknown;
        take(the_socket(machine, socket, owner),
             Reading{.usage = socket.waiting, .limit = std::uint64_t{socket.backlog} + 1});
    }
    if (listening.sockets.empty())
        return fail(listening.missing.empty() ? "no socket listens" : listening.missing, ENOENT);
    if (unknown == 0) return listening.missing;
    return "who holds " + some(unknown, "socket") + " is not to be seen" +
           (listening.missing.empty() ? "" : "; ") + listening.missing;
}

}  // namespace

extern const Definition k_accept_queue;
const Definition k_accept_queue{
    .resource = {.name = "accept_queue",
                 .scope = Scope::socket,
                 .unit = Unit::count,
                 .summary = "connections that wait for accept(2) on a listening socket",
                 .limited_by = "the backlog of listen(2), net.core.somaxconn",
                 .denied_errno = EAGAIN,
                 .exactness = "exact",
                 .hooked = Hooked::socket_queue},
    .read_all = read_all,
};

}  // namespace brink::resource
