// SPDX-License-Identifier: Apache-2.0
#include "broker/message.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "kernel/file_text.hpp"

namespace brink::broker {
namespace {

constexpr std::size_t kMaxDescriptors = BRINK_MAX_REQUESTS + 1;
constexpr std::size_t kMaxBytes = BRINK_MAX_REQUESTS * sizeof(brink_request);
constexpr int kMaxDisposers = 4;
constexpr std::uint32_t kFlags = BRINK_REQUEST_THREAD | BRINK_REQUEST_AT_EXEC |
                                 BRINK_REQUEST_PIDFD | BRINK_REQUEST_REPLY_FD;

std::atomic<int> disposers{0};

// Close of a TCP socket can wait (SO_LINGER), of one of these it does not.
bool is_unix_socket(int fd) {
    int domain = 0;
    socklen_t size = sizeof domain;
    return ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

// The line "Pid:" of fdinfo; nullopt: it is no pidfd.
std::optional<pid_t> pid_line(int fd) {
    std::optional<pid_t> pid;
    (void)kernel::for_each_line(fmt::format("/proc/self/fdinfo/{}", fd),
                                [&](std::string_view line) {
                                    if (kernel::next_word(line) == "Pid:")
                                        pid = kernel::to_number<pid_t>(kernel::next_word(line));
                                });
    return pid;
}

void take_control(msghdr& header, Message& message) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part; part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level != SOL_SOCKET) continue;
        if (part->cmsg_type == SCM_CREDENTIALS) {
            ucred sender{};
            std::memcpy(&sender, CMSG_DATA(part), sizeof sender);
            message.sender = sender.uid;
        }
        if (part->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
            message.descriptors.emplace_back(fd);
        }
    }
}

}  // namespace

Result<void> ask_for_senders(int socket) {
    const int on = 1;
    if (::setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on)) return fail_errno("SO_PASSCRED");
    return {};
}

void read_message(std::span<const std::byte> bytes, Message& message) {
    if (bytes.empty() || bytes.size() % sizeof(brink_request)) {
        message.error = fmt::format("{} bytes are no requests; a request has {}", bytes.size(),
                                    sizeof(brink_request));
    } else if (bytes.size() > kMaxBytes) {
        message.error = fmt::format("more than {} requests in one write", BRINK_MAX_REQUESTS);
    } else {
        message.requests.resize(bytes.size() / sizeof(brink_request));
        std::memcpy(message.requests.data(), bytes.data(), bytes.size());
    }
}

Result<std::optional<Message>> receive(int socket) {
    // One byte more: a longer message is noticed.
    static thread_local std::array<std::byte, kMaxBytes + 1> bytes;
    constexpr std::size_t kSender = CMSG_SPACE(sizeof(ucred));
    alignas(cmsghdr) std::array<char, kSender + CMSG_SPACE(kMaxDescriptors * sizeof(int))> control{};
    iovec data{bytes.data(), bytes.size()};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = can_dispose() ? control.size() : kSender;
    const ssize_t got = ::recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::optional<Message>{};
    if (got < 0) return fail_errno("recvmsg");
    Message message;
    take_control(header, message);
    // A message of no bytes cannot be told from the end; a client has no reason to send one.
    if (got == 0) {
        dispose(std::move(message.descriptors));
        return fail("the other end is closed");
    }
    read_message({bytes.data(), static_cast<std::size_t>(got)}, message);
    if (header.msg_flags & MSG_CTRUNC) {
        message.error = "descriptors cannot be taken now; try again";
        message.requests.clear();
    }
    return std::optional<Message>(std::move(message));
}

Result<void> check(const brink_request& request) {
    if (request.protocol != BRINK_PROTOCOL)
        return fail(fmt::format("protocol {}; this is {}", request.protocol, BRINK_PROTOCOL),
                    EPROTO);
    if (request.op < BRINK_REQUEST_ADD || request.op > BRINK_REQUEST_DESCRIBE)
        return fail(fmt::format("there is no request {}", request.op), EINVAL);
    if (request.flags & ~kFlags)
        return fail(fmt::format("there is no flag {:#x}", request.flags & ~kFlags), EINVAL);
    if (std::any_of(std::begin(request.reserved), std::end(request.reserved),
                    [](std::uint32_t field) { return field != 0; }))
        return fail("a reserved field is not 0", EINVAL);
    if (request.op == BRINK_REQUEST_ADD && !std::memchr(request.spec, 0, sizeof request.spec))
        return fail(fmt::format("the spec has no end; it has at most {} bytes",
                                BRINK_SPEC_BYTES - 1),
                    EINVAL);
    if (request.op == BRINK_REQUEST_ADD && !(request.flags & BRINK_REQUEST_PIDFD) &&
        request.pid <= 0)
        return fail(fmt::format("there is no process {}", request.pid), ESRCH);
    return {};
}

Result<pid_t> process_of(const Fd& pidfd) {
    const std::optional<pid_t> pid = pid_line(pidfd.get());
    if (!pid) return fail("the descriptor is no pidfd", EBADF);
    if (*pid <= 0) return fail("the process of the pidfd has ended", ESRCH);
    return *pid;
}

bool is_reply_socket(const Fd& fd, uid_t uid) {
    const auto option = [&](int name, auto value) -> std::optional<decltype(value)> {
        socklen_t size = sizeof value;
        if (::getsockopt(fd.get(), SOL_SOCKET, name, &value, &size)) return std::nullopt;
        return value;
    };
    if (option(SO_DOMAIN, 0) != AF_UNIX || option(SO_TYPE, 0) != SOCK_SEQPACKET) return false;
    const auto other = option(SO_PEERCRED, ucred{});
    return other && other->pid > 0 && other->uid == uid;
}

void dispose(std::vector<Fd> descriptors) {
    auto others = std::make_unique<std::vector<Fd>>();
    for (Fd& fd : descriptors)
        if (!is_unix_socket(fd.get()) && !pid_line(fd.get())) others->push_back(std::move(fd));
    if (others->empty()) return;
    ++disposers;
    try {
        std::thread([held = std::move(others)]() mutable {
            held.reset();
            --disposers;
        }).detach();
    } catch (const std::system_error&) {  // no thread is to be had: it is closed here
        --disposers;
    }
}

bool can_dispose() { return disposers < kMaxDisposers; }

}  // namespace brink::broker
