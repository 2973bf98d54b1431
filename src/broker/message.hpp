// SPDX-License-Identifier: Apache-2.0
// Message: what one write(2) of a client brought: requests, and the descriptors that came with them. Whatever a client
// sends gives either requests that can be worked on, or one sentence that says why not.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "brink/protocol.h"

namespace brink::broker {

struct Message {
    std::vector<brink_request> requests;
    std::vector<Fd> descriptors;
    uid_t sender = 0;   ///< who wrote it: not always who connected
    std::string error;  ///< why there are no requests; empty if there are
};

/// What has been received as `bytes`: puts requests, or an error, into `message`.
void read_message(std::span<const std::byte> bytes, Message& message);

/// Has the kernel tell of each message who sent it. To be called before anything can be sent: on the listening socket.
[[nodiscard]] Result<void> ask_for_senders(int socket);

/// Reads one message from a connected socket that does not block. nullopt: there is none now. The error: the other end
/// is closed (code 0), or errno.
[[nodiscard]] Result<std::optional<Message>> receive(int socket);

/// Whether the fields of `request` are such as a client may send; what they refer to is not looked at. The error is
/// EPROTO or EINVAL.
[[nodiscard]] Result<void> check(const brink_request& request);

/// The process that a pidfd stands for, in our pid namespace. Errors: EBADF, it is no pidfd; ESRCH, the process has
/// ended, or has no number here.
[[nodiscard]] Result<pid_t> process_of(const Fd& pidfd);

/// Whether `fd` is an end of a SOCK_SEQPACKET Unix socket whose other end was made by user `uid`: then what is sent
/// there reaches nobody who could mistake it for somebody else's word.
[[nodiscard]] bool is_reply_socket(const Fd& fd, uid_t uid);

/// Closes descriptors that somebody else has sent. close(2) of a file on a file system in user space waits for that
/// file system: so what is neither a pidfd nor a socket is closed by a thread of its own, of which there are a few.
void dispose(std::vector<Fd> descriptors);

/// Whether dispose() has threads left; if not, no descriptors are received.
[[nodiscard]] bool can_dispose();

}  // namespace brink::broker
