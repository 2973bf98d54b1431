// SPDX-License-Identifier: Apache-2.0
#include "broker/ask.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/fd.hpp"

namespace brink::broker {
namespace {

Result<void> send_requests(int fd, std::span<const brink_request> requests,
                           const std::vector<int>& descriptors) {
    iovec data{const_cast<brink_request*>(requests.data()), requests.size_bytes()};
    std::vector<char> control(CMSG_SPACE(descriptors.size() * sizeof(int)));
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    std::memcpy(CMSG_DATA(part), descriptors.data(), descriptors.size() * sizeof(int));
    while (::sendmsg(fd, &header, MSG_NOSIGNAL) < 0) {
        if (errno == EINTR) continue;
        if (errno == EAGAIN)
            return fail("earlier requests have not been taken yet; try again", EAGAIN);
        return fail_errno("the monitor");
    }
    return {};
}

}  // namespace

brink_request new_request(brink_request_op op) {
    brink_request request{};
    request.protocol = BRINK_PROTOCOL;
    request.op = op;
    request.flags = BRINK_REQUEST_REPLY_FD;
    return request;
}

Result<void> set_spec(brink_request& request, std::string_view spec) {
    if (spec.size() >= sizeof request.spec)
        return fail("the spec is too long; spread its levels over several", E2BIG);
    std::memcpy(request.spec, spec.data(), spec.size());
    return {};
}

Result<void> ask(int fd, std::span<const brink_request> requests, std::vector<int> descriptors,
                 std::span<brink_event> replies) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) return fail_errno("socketpair");
    const Fd ours(ends[0]);
    Fd theirs(ends[1]);
    descriptors.push_back(theirs.get());
    if (auto sent = send_requests(fd, requests, descriptors); !sent) return sent;
    theirs.reset();  // so that the end of the daemon is seen
    for (brink_event& reply : replies) {
        ssize_t got = 0;
        do {
            got = ::recv(ours.get(), &reply, sizeof reply, 0);
        } while (got < 0 && errno == EINTR);
        if (got < 0) return fail_errno("the reply");
        if (got != sizeof reply) return fail("brinkd has ended", EPIPE);
    }
    return {};
}

Result<brink_event> ask(int fd, const brink_request& request, std::vector<int> descriptors) {
    brink_event reply{};
    if (auto asked = ask(fd, {&request, 1}, std::move(descriptors), {&reply, 1}); !asked)
        return tl::unexpected(asked.error());
    if (reply.error) return fail(*reply.text ? reply.text : std::strerror(reply.error), reply.error);
    return reply;
}

}  // namespace brink::broker
