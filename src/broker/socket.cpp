// SPDX-License-Identifier: Apache-2.0
#include "broker/socket.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/utf8.hpp"
#include "brink/protocol.h"

namespace brink::broker {
namespace {

constexpr int kBacklog = 1024;

Result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return fail(fmt::format("socket {}: a path of a socket has 1 to {} bytes", in_quotes(path),
                                sizeof address.sun_path - 1),
                    ENAMETOOLONG);
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

const sockaddr* generic(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

}  // namespace

Result<Listener> Listener::at(const std::string& path) {
    const auto address = address_of(path);
    if (!address) return tl::unexpected(address.error());
    const std::string folder = path.substr(0, path.rfind('/'));
    if (!folder.empty() && folder != path) (void)::mkdir(folder.c_str(), 0755);
    const std::string lock_path = path + ".lock";
    Fd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock) return fail_errno(lock_path);
    if (::flock(lock.get(), LOCK_EX | LOCK_NB))
        return fail(fmt::format("socket {}: another brinkd serves there; end it, or give another "
                                "path with --socket",
                                in_quotes(path)),
                    EADDRINUSE);
    Listener listener(path, std::move(lock));
    (void)::unlink(path.c_str());
    listener.socket_ = Fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!listener.socket_) return fail_errno("socket");
    if (::bind(listener.socket_.get(), generic(*address), sizeof *address))
        return fail_errno("socket " + in_quotes(path));
    // Everyone may connect: what they may watch is asked when they ask.
    if (::chmod(path.c_str(), 0666) || ::listen(listener.socket_.get(), kBacklog))
        return fail_errno("socket " + in_quotes(path));
    return listener;
}

Listener::~Listener() {
    if (!lock_) return;
    (void)::unlink(path_.c_str());
}

Result<Fd> connect_to(const std::string& path) {
    const auto address = address_of(path);
    if (!address) return tl::unexpected(address.error());
    Fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (!fd) return fail_errno("socket");
    if (::connect(fd.get(), generic(*address), sizeof *address))
        return fail_errno("socket " + in_quotes(path));
    return fd;
}

std::string default_socket() {
    const char* path = std::getenv("BRINK_SOCKET");
    return path ? path : BRINK_SOCKET;
}

std::string status_path(const std::string& socket) {
    return socket.substr(0, socket.rfind('/') + 1) + "status.sock";
}

}  // namespace brink::broker
