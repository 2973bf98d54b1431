// SPDX-License-Identifier: Apache-2.0
#include "relay/control_socket.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <thread>

#include "base/utf8.hpp"

namespace brink::relay {
namespace {

constexpr int kMostAtOnce = 4;
constexpr int kPatience_ms = 2000;  // with one who asks
constexpr std::size_t kMostQuestion = 256;
constexpr std::size_t kMostAnswer = 1 << 20;

Result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return fail(fmt::format("socket {}: the path has to have 1 to {} bytes", in_quotes(path),
                                sizeof address.sun_path - 1),
                    ENAMETOOLONG);
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

Result<Fd> connect_to(const std::string& path) {
    const auto address = address_of(path);
    if (!address) return tl::unexpected(address.error());
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) return fail_errno("socket");
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
        return fail_errno(in_quotes(path));
    return socket;
}

void set_patience(const Fd& socket, int timeout_ms) {
    const timeval time{timeout_ms / 1000, 1000L * (timeout_ms % 1000)};
    for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO})
        (void)::setsockopt(socket.get(), SOL_SOCKET, option, &time, sizeof time);
}

bool send_line(const Fd& socket, std::string line) {
    line += '\n';
    for (std::string_view rest = line; !rest.empty();) {
        const ssize_t sent = ::send(socket.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

// Up to the line's end, which is not part of it; what there is where it does not come.
std::string receive_line(const Fd& socket, std::size_t most) {
    std::string line;
    std::array<char, 4096> bytes{};
    while (line.size() < most && line.find('\n') == std::string::npos) {
        const ssize_t size = ::recv(socket.get(), bytes.data(), bytes.size(), 0);
        if (size <= 0) break;
        line.append(bytes.data(), static_cast<std::size_t>(size));
    }
    return line.substr(0, line.find('\n'));
}

}  // namespace

Result<std::unique_ptr<ControlSocket>> ControlSocket::listen(const std::string& path,
                                                             Answering answering) {
    const auto address = address_of(path);
    if (!address) return tl::unexpected(address.error());
    if (connect_to(path))
        return fail(fmt::format("a relay that runs already listens at {}", in_quotes(path)),
                    EADDRINUSE);
    (void)::unlink(path.c_str());
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) return fail_errno("socket");
    const mode_t before = ::umask(0117);
    const int bound = ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&*address),
                             sizeof *address);
    const int error = errno;
    ::umask(before);
    if (bound != 0) return fail_errno(fmt::format("socket {}", in_quotes(path)), error);
    if (::listen(socket.get(), kMostAtOnce) != 0) return fail_errno("listen");
    return std::unique_ptr<ControlSocket>(
        new ControlSocket(std::move(socket), std::move(answering)));
}

ControlSocket::~ControlSocket() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
}

void ControlSocket::serve() {
    auto asking = std::make_shared<Fd>(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!*asking) return;
    set_patience(*asking, kPatience_ms);
    const std::lock_guard lock(mutex_);
    if (busy_ >= kMostAtOnce) {
        (void)send_line(*asking, R"({"error":"too many ask at once; ask again"})");
        return;
    }
    ++busy_;
    std::thread([this, asking] { answer(*asking); }).detach();
}

void ControlSocket::answer(const Fd& asking) {
    if (const std::string question = receive_line(asking, kMostQuestion); !question.empty())
        (void)send_line(asking, answering_(question));
    const std::lock_guard lock(mutex_);
    --busy_;
    done_.notify_all();
}

Result<std::string> ask(const std::string& path, const std::string& question, int timeout_ms) {
    const auto socket = connect_to(path);
    if (!socket)
        return fail(fmt::format("brink-relay does not answer: {}", socket.error().message),
                    socket.error().code);
    set_patience(*socket, timeout_ms);
    if (!send_line(*socket, question)) return fail_errno(in_quotes(path));
    std::string line = receive_line(*socket, kMostAnswer);
    if (line.empty())
        return fail(fmt::format("brink-relay at {} has not answered within {} s", in_quotes(path),
                                timeout_ms / 1000),
                    ETIMEDOUT);
    return line;
}

}  // namespace brink::relay
