// SPDX-License-Identifier: Apache-2.0
// Operations that make descriptors from others: the dup family, accept, and descriptors sent over a socket.
#pragma once

#include <sys/un.h>

#include "create_operations.hpp"

namespace brink::work::copy {

using create::one;

inline void dup(Sequence& q) { one(q, "dup", ::dup(q.any_open()), false); }
inline void f_dupfd(Sequence& q) {
    one(q, "F_DUPFD", ::fcntl(q.any_open(), F_DUPFD, q.one_in(3) ? q.any_closed() : 0), false);
}
inline void f_dupfd_cloexec(Sequence& q) {
    one(q, "F_DUPFD_CLOEXEC",
        ::fcntl(q.any_open(), F_DUPFD_CLOEXEC, q.one_in(3) ? q.any_closed() : 0), true);
}
inline long dup2_raw(int from, int to) {
#ifdef SYS_dup2
    return create::raw(SYS_dup2, from, to);
#else
    return ::dup2(from, to);
#endif
}
inline void dup2_closed(Sequence& q) {
    one(q, "dup2_closed", dup2_raw(q.any_open(), q.any_closed()), false);
}
inline void dup3_closed(Sequence& q) {
    one(q, "dup3_closed", ::dup3(q.any_open(), q.any_closed(), O_CLOEXEC), true);
}

// Over an open target: one is installed and one is closed, and the count stands still.
inline void dup2_open(Sequence& q) {
    const int to = q.any_loose();
    if (to >= 0) one(q, "dup2_open", dup2_raw(q.state().directory, to), false);
}
inline void dup3_open(Sequence& q) {
    const int to = q.any_loose();
    if (to >= 0) one(q, "dup3_open", ::dup3(q.state().directory, to, O_CLOEXEC), true);
}
inline void dup2_itself(Sequence& q) {
    const int fd = q.any_open();
    q.done("dup2_itself", dup2_raw(fd, fd));
}
inline void int80_dup2(Sequence& q) {
    if (q.state().int80 != 0)
        one(q, "int80_dup2", create::int80(63, q.state().directory, q.any_closed()), false);
}

inline bool connect_to_listener(Sequence& q) {
    const int client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    one(q, "socket", client, false);
    sockaddr_un address{};
    socklen_t length = sizeof address;
    if (client < 0 ||
        ::getsockname(q.state().listener, reinterpret_cast<sockaddr*>(&address), &length) != 0)
        return false;
    const int connected = ::connect(client, reinterpret_cast<sockaddr*>(&address), length);
    q.done("connect", connected);
    return connected == 0;
}
inline void accept4(Sequence& q) {
    if (!connect_to_listener(q)) return;
    const bool cloexec = q.one_in(2);
    one(q, "accept4", ::accept4(q.state().listener, nullptr, nullptr, cloexec ? SOCK_CLOEXEC : 0),
        cloexec);
}
inline void accept(Sequence& q) {
    if (!connect_to_listener(q)) return;
    one(q, "accept", create::raw(SYS_accept, q.state().listener), false);
}

constexpr int kMostSent = 6;
union ControlBuffer {
    char bytes[CMSG_SPACE(sizeof(int) * kMostSent)];
    cmsghdr align;
};

// False when the kernel refuses to send one of them (since 6.7 it does so with an io_uring, EINVAL).
inline bool send_descriptors(Sequence& q, int count) {
    ControlBuffer control{};
    char byte = 'x';
    iovec data{&byte, 1};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * static_cast<unsigned>(count));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * static_cast<unsigned>(count));
    int fds[kMostSent];
    for (int i = 0; i < count; ++i) fds[i] = q.state().directory;
    for (int i = 0; i < count; ++i)
        if (const int fd = q.any_loose(); fd >= 0 && q.one_in(2)) fds[i] = fd;
    std::memcpy(CMSG_DATA(header), fds, sizeof(int) * static_cast<unsigned>(count));
    const ssize_t sent = ::sendmsg(q.state().scm_sender, &message, 0);
    q.done("SCM_RIGHTS_send", sent);
    return sent > 0;
}

// Receives into room for `room` descriptors; the kernel drops the others and says MSG_CTRUNC.
inline void receive_descriptors(Sequence& q, const char* name, int room, int flags) {
    ControlBuffer control{};
    char byte = 0;
    iovec data{&byte, 1};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = room > 0 ? control.bytes : nullptr;
    // CMSG_LEN, not CMSG_SPACE: the padding would be room for one more.
    message.msg_controllen = room > 0 ? CMSG_LEN(sizeof(int) * static_cast<unsigned>(room)) : 0;
    const ssize_t got = ::recvmsg(q.state().scm_receiver, &message, flags | MSG_DONTWAIT);
    const int error = errno;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); got >= 0 && header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
            q.opened(fd, (flags & MSG_CMSG_CLOEXEC) != 0);
        }
    }
    errno = error;
    q.done(name, got);
}
inline void scm_rights(Sequence& q) {
    const int count = 1 + q.below(kMostSent);
    if (!send_descriptors(q, count)) return;
    const int flags = q.one_in(2) ? MSG_CMSG_CLOEXEC : 0;
    if (q.one_in(4)) receive_descriptors(q, "SCM_RIGHTS_peek", count, flags | MSG_PEEK);
    receive_descriptors(q, "SCM_RIGHTS_receive", count, flags);
}
inline void scm_rights_truncated(Sequence& q) {
    const int count = 2 + q.below(kMostSent - 1);
    if (!send_descriptors(q, count)) return;
    receive_descriptors(q, "SCM_RIGHTS_truncated", q.below(count), 0);
}

}  // namespace brink::work::copy
