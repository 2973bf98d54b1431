/* SPDX-License-Identifier: Apache-2.0 */
/* libbrink: hear of it when a process comes near one of its limits.
 *
 *     int fd = brink_open(0, 0);
 *     brink_watch(fd, 0, "nofile=50%,80%,95%");
 *     struct brink_event event;
 *     while (brink_read(fd, &event, 1) == 1)
 *         printf("%s[%d]: %llu open\n", event.comm, event.pid, (unsigned long long)event.usage);
 *
 * A monitor is one file descriptor. poll(2), select(2) and epoll(7), edge-triggered too, say when there is something to
 * read; fork(2), dup(2) and SCM_RIGHTS give others a copy, and when the last copy is closed the watches are gone. Who
 * opened it decides what may be watched, whoever uses it later: brinkd(8) says by what rule.
 *
 * Functions that fail return -1 and set errno; brink_error() says why in a sentence. Any function may be called from any
 * thread, several at once for one descriptor too. Needs no privileges; what goes over the descriptor, for those who have
 * no use for a library, is in brink/protocol.h. */
#ifndef BRINK_BRINK_H
#define BRINK_BRINK_H

#include <stddef.h>
#include <sys/types.h>

#include <brink/protocol.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of this header. Within one major number programs go on working with a later library. */
#define BRINK_VERSION_MAJOR 1
#define BRINK_VERSION_MINOR 0

/* Of the library: major << 16 | minor. */
unsigned brink_version(void);

enum brink_open_flag {
    BRINK_OPEN_NONBLOCK = 1, /* as O_NONBLOCK */
    BRINK_OPEN_IN_PROCESS =
        2, /* no daemon: a thread of this process loads the programs (root, or CAP_BPF and
                                  CAP_PERFMON), or polls where that is not allowed. `path` must be null */
    BRINK_OPEN_TRACEPOINT =
        4, /* with it: engine `tracepoint`, which slows down every process on the machine */
    BRINK_OPEN_POLL =
        8 /* with it: engine `poll`, which needs no privileges for one's own processes */
};

/* A monitor at the daemon whose socket is `path`; null: $BRINK_SOCKET, or BRINK_SOCKET. Close-on-exec. ENOENT and
 * ECONNREFUSED: there is no daemon. */
int brink_open(const char* path, unsigned flags);

/* Watches process `pid` (0: this one) as `spec` says, the argument of -w in brink(1): "nofile=80%". The answer is the
 * number of the watch, from 1; it is in force, and levels that are passed already are waiting to be read (`initial`). It
 * lasts until brink_unwatch() or the end of the monitor; children are watched as well unless the spec says no.
 * EINVAL: the spec is wrong; ESRCH; EPERM: you may not; EDQUOT: you have too many. */
int brink_watch(int fd, pid_t pid, const char* spec);

/* The same for the process of a pidfd_open(2) descriptor: no other one can get its number in between. */
int brink_watch_pidfd(int fd, int pidfd, const char* spec);

/* Ends a watch. Events of it that wait already can still be read. ENOENT: there is none of this number. */
int brink_unwatch(int fd, int number);

/* One of many. */
struct brink_target {
    pid_t pid;        /* 0: this process */
    const char* spec; /* */
    uint64_t cookie;  /* your own: comes back in every event */
    int watch;        /* out: its number, or -1 */
    int error;        /* out: 0, or why there is none, an errno */
};

/* Sets up to BRINK_MAX_REQUESTS watches with one write. The answer is how many are set. */
int brink_watch_all(int fd, struct brink_target* targets, size_t count);

/* Reads 1 to `count` events, waiting for the first unless the descriptor is O_NONBLOCK (then EAGAIN). 0: the daemon has
 * ended. Replies to requests that others have written to the descriptor come as well. */
ssize_t brink_read(int fd, struct brink_event* events, size_t count);

/* What was wrong with the last call of this thread that failed: valid until its next one. */
const char* brink_error(void);

/* "crossing", "initial", ...; "kernel", "tracepoint", "poll", "timer". Unknown numbers give "". */
const char* brink_type_name(uint32_t type);
const char* brink_engine_name(uint8_t engine);

#ifdef __cplusplus
}
#endif

#endif
