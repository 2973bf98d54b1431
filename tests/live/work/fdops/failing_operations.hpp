// SPDX-License-Identifier: Apache-2.0
// Operations that the kernel refuses: some after it has already reserved a descriptor number, which it then gives back.
// EMFILE is provoked by lowering the soft limit for a moment to just above what is in use.
#pragma once

#include "close_operations.hpp"
#include "copy_operations.hpp"

namespace brink::work::failing {

using create::one;

inline void refused(Sequence& q, const char* name, long result) {
    const int error = errno;
    if (result >= 0) Sequence::die(name);
    errno = error;
    q.done(name, result);
}
inline void open_enoent(Sequence& q) {
    refused(q, "open_ENOENT", ::open("/no/such/file", O_RDONLY));
}
inline void open_eisdir(Sequence& q) { refused(q, "open_EISDIR", ::open("/", O_WRONLY)); }
inline void pipe2_efault(Sequence& q) { refused(q, "pipe2_EFAULT", create::raw(SYS_pipe2, 8, 0)); }
inline void socketpair_efault(Sequence& q) {
    refused(q, "socketpair_EFAULT", create::raw(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, 8));
}
// Near the limit an earlier accept may have been refused and have left its connection waiting.
inline void accept_eagain(Sequence& q) {
    const int fd = ::accept4(q.state().listener, nullptr, nullptr, SOCK_NONBLOCK);
    one(q, fd < 0 ? "accept_EAGAIN" : "accept_left_over", fd, false);
}
inline void dup2_ebadf(Sequence& q) {
    refused(q, "dup2_EBADF", copy::dup2_raw(q.any_closed(), q.any_closed()));
}
inline void dup3_einval(Sequence& q) {
    const int fd = q.any_open();
    refused(q, "dup3_EINVAL", create::raw(SYS_dup3, fd, fd, 0));
}
inline void dup_ebadf(Sequence& q) { refused(q, "dup_EBADF", ::dup(q.any_closed())); }

inline void set_limit(Sequence& q, const char* name, unsigned soft) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) Sequence::die("getrlimit");
    limit.rlim_cur = soft;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) Sequence::die("setrlimit");
    q.state().soft_limit = soft;
    q.done(name, 0);
}

// Only the last number below the limit is asked for, and it is taken.
inline void emfile_at_the_last_number(Sequence& q, int lowest) {
    int last = lowest;
    while (last < kMaxFd && !q.is_open(last)) ++last;
    if (last >= q.limit() - 1) return;
    const unsigned before = q.state().soft_limit;
    set_limit(q, "setrlimit_lower", static_cast<unsigned>(last) + 1);
    refused(q, "F_DUPFD_EMFILE", ::fcntl(q.state().directory, F_DUPFD, last));
    set_limit(q, "setrlimit_back", before);
}
inline void try_at_emfile(Sequence& q) {
    int pair[2];
    switch (q.below(5)) {
        case 0: return refused(q, "open_EMFILE", ::open("/", O_RDONLY));
        case 1: return refused(q, "dup_EMFILE", ::dup(q.state().directory));
        case 2: return refused(q, "pipe_EMFILE", ::pipe2(pair, 0));
        case 3:
            return refused(q, "accept_EMFILE",
                           ::accept4(q.state().listener, nullptr, nullptr, SOCK_NONBLOCK));
        default: return refused(q, "socket_EMFILE", ::socket(AF_UNIX, SOCK_STREAM, 0));
    }
}
inline void emfile(Sequence& q) {
    const int lowest = static_cast<int>(q.state().lowest_limit);
    const int free_fd = q.lowest_free();
    const int second_free = q.lowest_free(free_fd + 1);
    if (free_fd < lowest) return emfile_at_the_last_number(q, lowest);
    if (second_free >= q.limit()) return;
    const unsigned before = q.state().soft_limit;
    if (q.one_in(2)) {
        set_limit(q, "setrlimit_lower", static_cast<unsigned>(free_fd));
        try_at_emfile(q);
    } else {  // room for one: the pair is refused as a whole, and of six descriptors sent one arrives
        set_limit(q, "setrlimit_lower", static_cast<unsigned>(free_fd) + 1);
        int pair[2];
        if (q.one_in(2)) {
            refused(q, "socketpair_half", ::socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
        } else {
            if (copy::send_descriptors(q, copy::kMostSent))
                copy::receive_descriptors(q, "SCM_RIGHTS_EMFILE", copy::kMostSent, 0);
        }
    }
    set_limit(q, "setrlimit_back", before);
}

}  // namespace brink::work::failing
