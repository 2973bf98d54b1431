// SPDX-License-Identifier: Apache-2.0
#include "output/shared/datagram.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "base/fd.hpp"

namespace brink::output {
namespace {

// Connected, so that the refusal of the receiving machine comes back to this socket.
Result<void> send_to(const std::string& name, const sockaddr* address, socklen_t size,
                     std::string_view bytes, int ttl) {
    const Fd socket(::socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return fail_errno(name);
    if (address->sa_family == AF_INET)
        (void)::setsockopt(socket.get(), IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof ttl);
    if (address->sa_family == AF_INET6)
        (void)::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &ttl, sizeof ttl);
    if (::connect(socket.get(), address, size) != 0) return fail_errno(name);
    if (::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return fail_errno(name);
    int error = 0;
    socklen_t error_size = sizeof error;
    (void)::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &error_size);
    if (error != 0) return fail_errno(name, error);
    return {};
}

}  // namespace

Result<void> send_datagram(const std::string& path, const Endpoint& endpoint,
                           std::string_view bytes, int ttl) {
    if (!path.empty()) {
        sockaddr_un local{};
        local.sun_family = AF_UNIX;
        if (path.size() >= sizeof local.sun_path)
            return fail(path + ": the path is too long", ENAMETOOLONG);
        std::memcpy(local.sun_path, path.data(), path.size());
        return send_to(path, reinterpret_cast<const sockaddr*>(&local), sizeof local, bytes, ttl);
    }
    addrinfo hints{};
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo* found = nullptr;
    const std::string port = std::to_string(endpoint.port);
    if (const int code = ::getaddrinfo(endpoint.host.c_str(), port.c_str(), &hints, &found))
        return fail(fmt::format("{}: {}", endpoint.text(), ::gai_strerror(code)), EHOSTUNREACH);
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
    return send_to(endpoint.text(), found->ai_addr, found->ai_addrlen, bytes, ttl);
}

}  // namespace brink::output
