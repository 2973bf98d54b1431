// SPDX-License-Identifier: Apache-2.0
// A request with NLM_F_DUMP, and messages until NLMSG_DONE.
#include "kernel/socket_diag.hpp"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <string_view>

#include "base/fd.hpp"

namespace brink::kernel {
namespace {

using Visitor = std::function<void(const nlmsghdr&)>;

// Until NLMSG_DONE. False: there is more to come.
Result<bool> visit_messages(const char* data, std::size_t bytes, const Visitor& visit) {
    const auto* header = reinterpret_cast<const nlmsghdr*>(data);
    auto left = static_cast<unsigned>(bytes);
    for (; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
        if (header->nlmsg_type == NLMSG_DONE) {
            // A dump that has begun says here how it went.
            int code = 0;
            if (header->nlmsg_len >= NLMSG_LENGTH(sizeof code))
                std::memcpy(&code, NLMSG_DATA(header), sizeof code);
            if (code < 0) return fail_errno("sock_diag", -code);
            return true;
        }
        if (header->nlmsg_type == NLMSG_ERROR) {
            const auto* error = static_cast<const nlmsgerr*>(NLMSG_DATA(header));
            return fail_errno("sock_diag", -error->error);
        }
        visit(*header);
    }
    return false;
}

template <typename Request>
Result<void> dump(const Request& request, const Visitor& visit) {
    const Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    if (!socket) return fail_errno("sock_diag");
    struct {
        nlmsghdr header;
        Request request;
    } message{};
    message.header.nlmsg_len = sizeof message;
    message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    message.request = request;
    if (::send(socket.get(), &message, sizeof message, 0) < 0) return fail_errno("sock_diag");
    alignas(nlmsghdr) std::array<char, 65536> buffer;
    for (;;) {
        const ssize_t got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("sock_diag");
        const auto done = visit_messages(buffer.data(), static_cast<std::size_t>(got), visit);
        if (!done) return tl::unexpected<Error>(done.error());
        if (*done) return {};
    }
}

std::string host(std::uint8_t family, const __be32* address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    // An IPv4 connection of an IPv6 socket is an IPv4 connection.
    if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(reinterpret_cast<const in6_addr*>(address))) {
        family = AF_INET;
        address += 3;
    }
    ::inet_ntop(family, address, text.data(), text.size());
    return family == AF_INET6 ? "[" + std::string(text.data()) + "]" : std::string(text.data());
}

std::string endpoint(std::uint8_t family, const __be32* address, __be16 port) {
    return host(family, address) + ":" + std::to_string(ntohs(port));
}

Result<void> dump_tcp(std::uint32_t states,
                      const std::function<void(const inet_diag_msg&)>& visit) {
    for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
        inet_diag_req_v2 request{};
        request.sdiag_family = family;
        request.sdiag_protocol = IPPROTO_TCP;
        request.idiag_states = states;
        const auto dumped = dump(request, [&](const nlmsghdr& header) {
            visit(*static_cast<const inet_diag_msg*>(NLMSG_DATA(&header)));
        });
        // Without IPv6 there is nothing to ask for.
        if (!dumped && !(family == AF_INET6 && dumped.error().code == ENOENT)) return dumped;
    }
    return {};
}

// The name of a Unix socket as people write it; one in the abstract namespace begins with a NUL.
std::string unix_name(std::string_view name) {
    if (name.empty()) return "(no name)";
    if (name.front() == '\0') return "@" + std::string(name.substr(1));
    return std::string(name.substr(0, name.find('\0')));
}

ListeningSocket unix_socket(const nlmsghdr& header) {
    const auto* message = static_cast<const unix_diag_msg*>(NLMSG_DATA(&header));
    ListeningSocket listening;
    listening.inode = message->udiag_ino;
    std::string_view name;
    auto left = static_cast<int>(header.nlmsg_len - NLMSG_LENGTH(sizeof *message));
    const auto* attribute = reinterpret_cast<const rtattr*>(message + 1);
    for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
        if (attribute->rta_type == UNIX_DIAG_NAME)
            name = {static_cast<const char*>(RTA_DATA(attribute)), RTA_PAYLOAD(attribute)};
        if (attribute->rta_type == UNIX_DIAG_RQLEN) {
            const auto* lengths = static_cast<const unix_diag_rqlen*>(RTA_DATA(attribute));
            listening.waiting = lengths->udiag_rqueue;
            listening.backlog = lengths->udiag_wqueue;
        }
    }
    listening.address = "unix " + unix_name(name);
    return listening;
}

}  // namespace

ListeningSockets listening_sockets() {
    ListeningSockets all;
    const auto missing = [&](const char* what, const Error& error) {
        all.missing += (all.missing.empty() ? "" : "; ") + std::string(what) + ": " + error.message;
    };
    const auto tcp = dump_tcp(1U << TCP_LISTEN, [&](const inet_diag_msg& message) {
        ListeningSocket listening;
        listening.address = "tcp " + endpoint(message.idiag_family, message.id.idiag_src,
                                              message.id.idiag_sport);
        listening.port = ntohs(message.id.idiag_sport);
        listening.inode = message.idiag_inode;
        listening.waiting = message.idiag_rqueue;
        listening.backlog = message.idiag_wqueue;
        all.sockets.push_back(std::move(listening));
    });
    if (!tcp) missing("TCP (module tcp_diag)", tcp.error());
    unix_diag_req request{};
    request.sdiag_family = AF_UNIX;
    request.udiag_states = 1U << TCP_LISTEN;
    request.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_RQLEN;
    const auto local = dump(request, [&](const nlmsghdr& header) {
        all.sockets.push_back(unix_socket(header));
    });
    if (!local) missing("AF_UNIX (module unix_diag)", local.error());
    return all;
}

Result<std::vector<Connection>> tcp_connections() {
    std::vector<Connection> connections;
    const std::uint32_t states = ~((1U << TCP_LISTEN) | (1U << TCP_CLOSE));
    const auto dumped = dump_tcp(states, [&](const inet_diag_msg& message) {
        connections.push_back(
            {host(message.idiag_family, message.id.idiag_src),
             endpoint(message.idiag_family, message.id.idiag_dst, message.id.idiag_dport),
             ntohs(message.id.idiag_sport)});
    });
    if (!dumped) return tl::unexpected<Error>(dumped.error());
    return connections;
}

}  // namespace brink::kernel
