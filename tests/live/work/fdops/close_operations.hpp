// SPDX-License-Identifier: Apache-2.0
// Operations that close descriptors, one or many at once.
#pragma once

#include "create_operations.hpp"

namespace brink::work::closing {

constexpr unsigned kUnshare = 2;      // CLOSE_RANGE_UNSHARE
constexpr unsigned kCloexecOnly = 4;  // CLOSE_RANGE_CLOEXEC

inline void close(Sequence& q) {
    const int fd = q.any_loose();
    if (fd < 0) return;
    q.closed(fd);
    q.done("close", ::close(fd));
}
inline void int80_close(Sequence& q) {
    const int fd = q.any_loose();
    if (fd < 0 || q.state().int80 == 0) return;
    q.closed(fd);
    q.done("int80_close", create::int80(6, fd, 0));
}
inline void close_bad(Sequence& q) { q.done("close_bad", ::close(q.any_closed())); }

inline int close_range_raw(int first, int last, unsigned flags) {
    return static_cast<int>(
        ::syscall(436, static_cast<unsigned>(first), static_cast<unsigned>(last), flags));
}
inline void model_range(Sequence& q, int first, int last) {
    for (int fd = first; fd <= last && fd < kMaxFd; ++fd) q.closed(fd);
}
inline void pick_range(Sequence& q, int& first, int& last) {
    const int loose = q.any_loose();
    first = loose < q.state().first_free ? q.state().first_free : loose;
    last = first + q.below(q.one_in(4) ? 24 : 5);
}
inline void close_range(Sequence& q) {
    int first = 0;
    int last = 0;
    pick_range(q, first, last);
    const int result = close_range_raw(first, last, q.one_in(3) ? kUnshare : 0);
    const int error = errno;
    if (result == 0) model_range(q, first, last);
    errno = error;
    q.done("close_range", result);
}
inline void close_range_cloexec(Sequence& q) {
    int first = 0;
    int last = 0;
    pick_range(q, first, last);
    const int result = close_range_raw(first, last, kCloexecOnly);
    const int error = errno;
    for (int fd = first; result == 0 && fd <= last && fd < kMaxFd; ++fd)
        if (q.is_open(fd)) q.state().fds[fd] |= kCloexec;
    errno = error;
    q.done("close_range_CLOEXEC", result);
}

}  // namespace brink::work::closing
