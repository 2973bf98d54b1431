// SPDX-License-Identifier: Apache-2.0
#include "status_socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

namespace brink::app {
namespace {

constexpr std::size_t kMessage = 32768;

Fd open_spare() { return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

void send_all(const Fd& to, std::string_view text) {
    while (!text.empty()) {
        const std::string_view part = text.substr(0, kMessage);
        if (::send(to.get(), part.data(), part.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) return;
        text.remove_prefix(part.size());
    }
}

}  // namespace

Result<StatusSocket> StatusSocket::at(const std::string& path, std::optional<gid_t> group) {
    auto listener = broker::Listener::at(path);
    if (!listener) return tl::unexpected(listener.error());
    if (::chmod(path.c_str(), group ? 0660 : 0600) != 0) return fail_errno(path);
    // Without CAP_CHOWN only a group that is ours: then root alone may ask.
    if (group) (void)!::chown(path.c_str(), static_cast<uid_t>(-1), *group);
    Fd socket = listener->take_socket();
    return StatusSocket(std::move(*listener), std::move(socket));
}

StatusSocket::StatusSocket(broker::Listener listener, Fd socket)
    : listener_(std::move(listener)), socket_(std::move(socket)), spare_(open_spare()) {}

void StatusSocket::answer(const std::function<std::string()>& state) {
    for (int i = 0; i < 16; ++i) {
        const Fd asker(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (asker) {
            send_all(asker, state());
            continue;
        }
        if (errno != EMFILE && errno != ENFILE) return;
        // Else it would stay readable, and the loop never rest.
        spare_.reset();
        Fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC)).reset();
        spare_ = open_spare();
    }
}

}  // namespace brink::app
