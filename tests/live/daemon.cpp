// SPDX-License-Identifier: Apache-2.0
#include "daemon.hpp"

#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "brink_process.hpp"

namespace brink::live {
namespace {

constexpr int kPatience_ms = 20000;

void send_descriptor(int socket, int fd) {
    char byte = 0;
    iovec data{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(part), &fd, sizeof fd);
    ::sendmsg(socket, &header, 0);
}

int receive_descriptor(int socket) {
    char byte = 0;
    iovec data{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    if (::recvmsg(socket, &header, MSG_CMSG_CLOEXEC) != 1) return -1;
    const cmsghdr* part = CMSG_FIRSTHDR(&header);
    int fd = -1;
    if (part) std::memcpy(&fd, CMSG_DATA(part), sizeof fd);
    return fd;
}

}  // namespace

Daemon::Daemon(const std::vector<std::string>& arguments, ChildOptions options) {
    ::chmod((folder_ / "").c_str(), 0755);
    socket_ = folder_ / "brink.sock";
    write_file(folder_ / "brink.toml", "history.keep = false\n");
    std::vector<std::string> all = {daemon_path(), "--config", folder_ / "brink.toml",   "--socket",
                                    socket_,       "--group",  std::to_string(kWatchers)};
    if (std::find(arguments.begin(), arguments.end(), "--engine") == arguments.end())
        all.insert(all.end(), {"--engine", engine()});
    all.insert(all.end(), arguments.begin(), arguments.end());
    child_ = std::make_unique<Child>(all, std::move(options));
}

void Monitor::close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

int Monitor::watch(pid_t pid, const std::string& spec) {
    return brink_watch(fd_, pid, spec.c_str()) < 0 ? errno : 0;
}

std::optional<brink_event> Monitor::next() {
    while (true) {
        pollfd waiting{fd_, POLLIN, 0};
        brink_event event{};
        if (::poll(&waiting, 1, kPatience_ms) <= 0 || brink_read(fd_, &event, 1) != 1)
            return std::nullopt;
        if (event.type != BRINK_EVENT_REPLY) return event;
    }
}

std::optional<brink_event> Monitor::next_of(brink_event_type type) {
    auto event = next();
    while (event && event->type != type) event = next();
    return event;
}

bool Monitor::silent() {
    pollfd waiting{fd_, POLLIN, 0};
    return ::poll(&waiting, 1, 0) == 0;
}

Monitor open_in(const Daemon& daemon, const std::function<void()>& prepare) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) std::abort();
    const pid_t child = ::fork();
    if (child == 0) {
        prepare();
        const int fd = brink_open(daemon.socket().c_str(), 0);
        if (fd >= 0) {
            // The daemon has looked at who this is when it has answered.
            brink_unwatch(fd, 1);
            send_descriptor(ends[1], fd);
        }
        ::_exit(fd < 0);
    }
    ::close(ends[1]);
    const int fd = receive_descriptor(ends[0]);
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    return Monitor(fd);
}

Monitor open_as(const Daemon& daemon, uid_t uid, gid_t gid, const std::vector<gid_t>& groups) {
    return open_in(daemon, [&] {
        if (::setgroups(groups.size(), groups.data()) || ::setresgid(gid, gid, gid) ||
            ::setresuid(uid, uid, uid))
            ::_exit(1);
    });
}

}  // namespace brink::live
