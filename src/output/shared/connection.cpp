// SPDX-License-Identifier: Apache-2.0
#include "output/shared/connection.hpp"

#include <fmt/format.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/clock.hpp"

namespace brink::output {
namespace {

constexpr int kShortestLook_ms =
    1;  // between two looks at what is acknowledged: no event tells of it
constexpr int kLongestLook_ms = 50;

}  // namespace

std::int64_t Connection::deadline_ns() const {
    return clock_ns(CLOCK_MONOTONIC) + std::int64_t{timeout_ms_} * 1'000'000;
}

tl::unexpected<Error> Connection::give_up(const std::string& what, int code) {
    socket_.reset();
    return fail(fmt::format("{}: {}", endpoint_.text(), what), code);
}

// Errors: the time is over, the relay ends.
Result<void> Connection::wait(short events, std::int64_t until_ns) {
    const std::int64_t left_ms = (until_ns - clock_ns(CLOCK_MONOTONIC)) / 1'000'000;
    std::array<pollfd, 2> fds{{{socket_.get(), events, 0}, {stop_fd_, POLLIN, 0}}};
    const int ready = left_ms < 0 ? 0 : ::poll(fds.data(), fds.size(), static_cast<int>(left_ms));
    if (ready < 0 && errno != EINTR) return give_up(std::strerror(errno), errno);
    if (fds[1].revents != 0) return give_up("the relay ends", ECANCELED);
    if (ready == 0) return give_up(fmt::format("no progress within {} ms", timeout_ms_), ETIMEDOUT);
    return {};
}

bool Connection::broken() const {
    char byte = 0;
    const ssize_t size = ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return size == 0 || (size < 0 && errno != EAGAIN);
}

Result<void> Connection::open() {
    if (socket_ && !broken()) return {};
    socket_.reset();
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const std::string port = std::to_string(endpoint_.port);
    if (const int code = ::getaddrinfo(endpoint_.host.c_str(), port.c_str(), &hints, &found))
        return give_up(::gai_strerror(code), EHOSTUNREACH);
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
    Result<void> connected = fail("it has no address", EHOSTUNREACH);
    for (const addrinfo* address = found; address && !connected; address = address->ai_next)
        connected = connect_to(*address);
    return connected;
}

Result<void> Connection::connect_to(const addrinfo& address) {
    socket_ = Fd(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_) return give_up(std::strerror(errno), errno);
    if (::connect(socket_.get(), address.ai_addr, address.ai_addrlen) == 0) return {};
    if (errno != EINPROGRESS) return give_up(std::strerror(errno), errno);
    if (auto ready = wait(POLLOUT, deadline_ns()); !ready) return ready;
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return give_up(std::strerror(error), error);
    return {};
}

Result<void> Connection::send(std::string_view bytes) {
    const std::int64_t until_ns = deadline_ns();
    while (!bytes.empty()) {
        const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        } else if (errno == EAGAIN) {
            if (auto ready = wait(POLLOUT, until_ns); !ready) return ready;
        } else if (errno != EINTR) {
            return give_up(std::strerror(errno), errno);
        }
    }
    return {};
}

Result<void> Connection::confirm() {
    const std::int64_t until_ns = deadline_ns();
    int look_ms = kShortestLook_ms;
    while (true) {
        int unacknowledged = 0;
        if (::ioctl(socket_.get(), SIOCOUTQ, &unacknowledged) != 0)
            return give_up(std::strerror(errno), errno);
        if (unacknowledged == 0) break;
        if (clock_ns(CLOCK_MONOTONIC) >= until_ns)
            return give_up(fmt::format("{} bytes are not acknowledged within {} ms", unacknowledged,
                                       timeout_ms_),
                           ETIMEDOUT);
        pollfd stop{stop_fd_, POLLIN, 0};
        if (::poll(&stop, 1, look_ms) > 0) return give_up("the relay ends", ECANCELED);
        look_ms = std::min(2 * look_ms, kLongestLook_ms);
    }
    if (broken()) return give_up("the connection was closed by the receiver", EPIPE);
    return {};
}

Result<std::string> Connection::receive(std::size_t size) {
    const std::int64_t until_ns = deadline_ns();
    std::string bytes(size, '\0');
    for (std::size_t got = 0; got < size;) {
        const ssize_t more = ::recv(socket_.get(), bytes.data() + got, size - got, 0);
        if (more > 0) {
            got += static_cast<std::size_t>(more);
        } else if (more == 0) {
            return give_up("the connection was closed by the receiver", EPIPE);
        } else if (errno == EAGAIN) {
            if (auto ready = wait(POLLIN, until_ns); !ready) return tl::unexpected(ready.error());
        } else if (errno != EINTR) {
            return give_up(std::strerror(errno), errno);
        }
    }
    return bytes;
}

Result<void> Connection::finish() {
    const std::int64_t until_ns = deadline_ns();
    (void)::shutdown(socket_.get(), SHUT_WR);
    std::array<char, 256> unwanted{};
    while (true) {
        const ssize_t size = ::recv(socket_.get(), unwanted.data(), unwanted.size(), 0);
        if (size == 0) break;
        if (size > 0 || errno == EINTR) continue;
        if (errno != EAGAIN) return give_up(std::strerror(errno), errno);
        if (auto ready = wait(POLLIN, until_ns); !ready) return ready;
    }
    socket_.reset();
    return {};
}

Answer Connection::deliver(std::string_view bytes, std::size_t entries) {
    Result<void> done = open();
    if (done) done = send(bytes);
    if (done) done = confirm();
    if (!done) return Answer::failed(done.error().message);
    return Answer::taken(entries, fmt::format("{} has acknowledged {} bytes", endpoint_.text(),
                                              bytes.size()));
}

}  // namespace brink::output
