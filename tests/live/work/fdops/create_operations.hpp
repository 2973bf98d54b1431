// SPDX-License-Identifier: Apache-2.0
// Operations that make one or two descriptors out of nothing.
#pragma once

#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <mqueue.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <csignal>

#include <string>

#include "sequence.hpp"

namespace brink::work::create {

inline void one(Sequence& q, const char* name, long fd, bool cloexec) {
    const int error = errno;
    q.opened(static_cast<int>(fd), cloexec);
    errno = error;
    q.done(name, fd);
}
inline int maybe(bool wanted, int flag) { return wanted ? flag : 0; }
inline long raw(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
    return ::syscall(number, a, b, c, d, e, 0L);
}
template <typename T>
long address(const T* of) {
    return static_cast<long>(reinterpret_cast<std::intptr_t>(of));
}

// A file of this process's own on whatever holds /tmp, for the operations that want one.
inline const char* scratch_path() {
    static std::string path;
    if (path.empty()) path = "/tmp/fdops." + std::to_string(::getpid());
    return path.c_str();
}

inline void open_raw(Sequence& q) {  // the old system call, which the C library no longer makes
    const bool cloexec = q.one_in(2);
#ifdef SYS_open
    one(q, "open", raw(SYS_open, address("/dev/null"), O_RDWR | maybe(cloexec, O_CLOEXEC)),
        cloexec);
#else
    one(q, "open", ::open("/dev/null", O_RDWR | maybe(cloexec, O_CLOEXEC)), cloexec);
#endif
}
inline void openat(Sequence& q) {
    const bool cloexec = q.one_in(2);
    one(q, "openat", ::openat(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY | maybe(cloexec, O_CLOEXEC)),
        cloexec);
}
inline void openat2(Sequence& q) {
    const std::uint64_t how[3] = {O_RDONLY | O_DIRECTORY, 0, 0};
    one(q, "openat2", raw(437, AT_FDCWD, address("/"), address(how), sizeof how), false);
}
inline void open_path(Sequence& q) { one(q, "open_path", ::open("/", O_PATH | O_CLOEXEC), true); }
inline void creat(Sequence& q) {
#ifdef SYS_creat
    const long fd = raw(SYS_creat, address(scratch_path()), 0600);
#else
    const long fd = ::creat(scratch_path(), 0600);
#endif
    one(q, "creat", fd, false);
    ::unlink(scratch_path());
}
inline void tmpfile(Sequence& q) {
    one(q, "O_TMPFILE", ::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), true);
}
inline void ptmx(Sequence& q) {
    one(q, "open_ptmx", ::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), true);
}

// The peer of a terminal comes out of an ioctl, not out of an open.
inline void pty_peer(Sequence& q) {
    const int master = ::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    one(q, "open_ptmx", master, true);
    if (master < 0) return;
    int unlock = 0;
    ::ioctl(master, TIOCSPTLCK, &unlock);
    one(q, "ioctl_TIOCGPTPEER", ::ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY), false);
}
inline void namespace_owner(Sequence& q) {
    one(q, "ioctl_NS_GET_USERNS", ::ioctl(q.state().namespace_file, _IO(0xb7, 0x1)), true);
}

inline void socket(Sequence& q) {
    const bool cloexec = q.one_in(2);
    one(q, "socket",
        ::socket(q.one_in(2) ? AF_UNIX : AF_INET, SOCK_STREAM | maybe(cloexec, SOCK_CLOEXEC), 0),
        cloexec);
}
inline void eventfd_old(Sequence& q) {
#ifdef SYS_eventfd
    one(q, "eventfd", raw(SYS_eventfd, 0), false);
#else
    one(q, "eventfd", ::eventfd(0, 0), false);
#endif
}
inline void eventfd2(Sequence& q) { one(q, "eventfd2", ::eventfd(0, EFD_CLOEXEC), true); }
inline void timerfd(Sequence& q) {
    one(q, "timerfd_create", ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), true);
}
inline void signalfd(Sequence& q) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    const int fd = ::signalfd(-1, &set, 0);
    one(q, "signalfd", fd, false);
    if (fd < 0 || !q.one_in(3)) return;
    q.done("signalfd_again",
           ::signalfd(fd, &set, 0));  // changes the mask of an existing one: no new descriptor
}
inline void epoll(Sequence& q) {
#ifdef SYS_epoll_create
    one(q, "epoll_create", raw(SYS_epoll_create, 1), false);
#else
    one(q, "epoll_create", ::epoll_create1(0), false);
#endif
}
inline void epoll1(Sequence& q) { one(q, "epoll_create1", ::epoll_create1(EPOLL_CLOEXEC), true); }
inline void inotify(Sequence& q) {
#ifdef SYS_inotify_init
    one(q, "inotify_init", raw(SYS_inotify_init), false);
#else
    one(q, "inotify_init", ::inotify_init1(0), false);
#endif
}
inline void inotify1(Sequence& q) { one(q, "inotify_init1", ::inotify_init1(IN_CLOEXEC), true); }
inline void fanotify(Sequence& q) {
    one(q, "fanotify_init", raw(SYS_fanotify_init, FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY), true);
}
// An event of a fanotify group brings an open descriptor: read(2) makes one.
inline void fanotify_read(Sequence& q) {
    if (q.state().fanotify < 0) return;
    if (::pwrite(q.state().fanotify_file, "x", 1, 0) != 1) Sequence::die("fanotify: write");
    fanotify_event_metadata event{};
    const ssize_t got = ::read(q.state().fanotify, &event, sizeof event);
    one(q, "fanotify_read", got == sizeof event ? event.fd : -1, true);
}
inline void memfd(Sequence& q) {
    one(q, "memfd_create", ::memfd_create("fdops", MFD_CLOEXEC), true);
}
inline void pidfd(Sequence& q) { one(q, "pidfd_open", raw(SYS_pidfd_open, ::getpid()), true); }
inline void pidfd_getfd(Sequence& q) {
    const long pidfd = raw(SYS_pidfd_open, ::getpid());
    one(q, "pidfd_open", pidfd, true);
    if (pidfd >= 0) one(q, "pidfd_getfd", raw(SYS_pidfd_getfd, pidfd, q.any_open()), true);
}
inline void open_tree(Sequence& q) {
    one(q, "open_tree", raw(428, AT_FDCWD, address("/"), O_CLOEXEC), true);
}
inline void fsopen(Sequence& q) { one(q, "fsopen", raw(430, address("tmpfs"), 1), true); }
inline void message_queue(Sequence& q) {
    mq_attr attributes{};
    attributes.mq_maxmsg = 1;
    attributes.mq_msgsize = 8;
    const std::string name = "/fdops." + std::to_string(::getpid());
    one(q, "mq_open", ::mq_open(name.c_str(), O_CREAT | O_RDWR, 0600, &attributes),
        true);  // always close-on-exec
    ::mq_unlink(name.c_str());
}
inline void user_fault(Sequence& q) {
    one(q, "userfaultfd", raw(SYS_userfaultfd, O_CLOEXEC | 1), true);  // 1: UFFD_USER_MODE_ONLY
}
inline void bpf_map(Sequence& q) {
    bpf_attr attributes{};
    attributes.map_type = BPF_MAP_TYPE_ARRAY;
    attributes.key_size = 4;
    attributes.value_size = 4;
    attributes.max_entries = 1;
    one(q, "bpf_map_create", raw(SYS_bpf, BPF_MAP_CREATE, address(&attributes), sizeof attributes),
        true);
}
inline void perf_event(Sequence& q) {
    perf_event_attr attributes{};
    attributes.type = PERF_TYPE_SOFTWARE;
    attributes.size = sizeof attributes;
    attributes.config = PERF_COUNT_SW_DUMMY;
    attributes.disabled = 1;
    one(q, "perf_event_open",
        raw(SYS_perf_event_open, address(&attributes), 0, -1, -1, PERF_FLAG_FD_CLOEXEC), true);
}
inline void io_uring(Sequence& q) {
    std::uint32_t parameters[30] = {};
    one(q, "io_uring_setup", raw(425, 1, address(parameters)), true);
}
inline void landlock(Sequence& q) {
    const std::uint64_t handled = 1;
    one(q, "landlock_create_ruleset", raw(444, address(&handled), sizeof handled, 0), true);
}

inline void two(Sequence& q, const char* name, int result, const int (&pair)[2], bool cloexec) {
    const int error = errno;
    if (result == 0) {
        q.opened(pair[0], cloexec);
        q.opened(pair[1], cloexec);
    }
    errno = error;
    q.done(name, result);
}
inline void pipe(Sequence& q) {
    int pair[2];
#ifdef SYS_pipe
    two(q, "pipe", static_cast<int>(raw(SYS_pipe, address(pair))), pair, false);
#else
    two(q, "pipe", ::pipe(pair), pair, false);
#endif
}
inline void pipe2(Sequence& q) {
    int pair[2];
    two(q, "pipe2", ::pipe2(pair, O_CLOEXEC), pair, true);
}
inline void socketpair(Sequence& q) {
    int pair[2];
    const bool cloexec = q.one_in(2);
    two(q, "socketpair", ::socketpair(AF_UNIX, SOCK_DGRAM | maybe(cloexec, SOCK_CLOEXEC), 0, pair),
        pair, cloexec);
}

// The 32-bit entry has other numbers: what filters by the number of the system call must not be fooled by it.
inline long int80([[maybe_unused]] long number, [[maybe_unused]] long a, [[maybe_unused]] long b) {
#ifdef __x86_64__
    long result = number;
    asm volatile("int $0x80" : "+a"(result) : "b"(a), "c"(b) : "memory", "r8", "r9", "r10", "r11");
    if (result >= 0) return result;
    errno = static_cast<int>(-result);
#else
    errno = ENOSYS;
#endif
    return -1;
}
inline void int80_dup(Sequence& q) {
    if (q.state().int80 != 0) one(q, "int80_dup", int80(41, q.any_open(), 0), false);
}
inline void int80_eventfd2(Sequence& q) {
    if (q.state().int80 != 0) one(q, "int80_eventfd2", int80(328, 0, O_CLOEXEC), true);
}

}  // namespace brink::work::create
