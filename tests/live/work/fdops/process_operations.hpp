// SPDX-License-Identifier: Apache-2.0
// Operations around the life of a process: children with and without a pidfd, siblings that share the table, exec.
#pragma once

#include <sched.h>
#include <sys/wait.h>
#include <csignal>

#include "close_operations.hpp"

namespace brink::work::process {

inline long clone_raw(unsigned long flags, int* pidfd) {
    return ::syscall(SYS_clone, flags, 0L, pidfd, 0L,
                     0L);  // flags, stack, pidfd: this order everywhere but on s390
}
inline void reap(long child) {
    while (::waitpid(static_cast<pid_t>(child), nullptr, 0) < 0 && errno == EINTR) {
    }
}

// A refused birth (EMFILE with CLONE_PIDFD) has no child.
inline void done_with_child(Sequence& q, const char* name, long child, std::uint32_t born_with) {
    q.done(name, child, child > 0 ? static_cast<std::int32_t>(child) : 0, born_with);
}

inline void fork(Sequence& q) {
    const std::uint32_t born_with = q.count_in_model();
    const long child = clone_raw(SIGCHLD, nullptr);
    if (child == 0) ::_exit(0);
    if (child > 0) reap(child);
    done_with_child(q, "fork", child, born_with);
}
inline void clone_pidfd(Sequence& q) {
    const std::uint32_t born_with = q.count_in_model();
    int pidfd = -1;
    const long child = clone_raw(CLONE_PIDFD | SIGCHLD, &pidfd);
    if (child == 0) ::_exit(0);
    const int error = errno;
    if (child > 0) reap(child);
    if (child > 0) q.opened(pidfd, true);
    errno = error;
    done_with_child(q, "clone_PIDFD", child, born_with);
}

// With a sibling on the same table, unsharing makes a copy; close_range copies only what it will not close.
inline void unshare_from_sibling(Sequence& q) {
    const std::uint32_t born_with = q.count_in_model();
    const long sibling = clone_raw(CLONE_FILES | SIGCHLD, nullptr);
    if (sibling == 0)
        for (;;) ::pause();
    done_with_child(q, "clone_FILES", sibling, born_with);
    if (sibling < 0) return;
    if (q.one_in(2)) {
        q.done("unshare", ::unshare(CLONE_FILES));
    } else {
        int first = 0;
        int last = 0;
        closing::pick_range(q, first, last);
        if (q.one_in(2)) last = kMaxFd - 1;
        if (closing::close_range_raw(first, last, closing::kUnshare) != 0)
            Sequence::die("close_range: UNSHARE");
        closing::model_range(q, first, last);
        q.done("close_range_UNSHARE", 0);
    }
    ::kill(static_cast<pid_t>(sibling), SIGKILL);
    reap(sibling);
}

// The image is replaced by itself and goes on; every close-on-exec descriptor goes.
inline void exec(Sequence& q, int log_fd) {
    for (std::uint8_t& fd : q.state().fds)
        if ((fd & kCloexec) != 0) fd = kClosed;
    ++q.state().execs;
    char log_text[16];
    std::snprintf(log_text, sizeof log_text, "%d", log_fd);
    ::execl("/proc/self/exe", "fdops", "--log-fd", log_text, "--go-on",
            static_cast<char*>(nullptr));
    Sequence::die("exec");
}

}  // namespace brink::work::process
