/* SPDX-License-Identifier: Apache-2.0 */
/* What goes over the descriptor of a monitor, in both directions: docs/protocol.md says it in full. A write(2) carries
 * one request or several, a read(2) gives one event. All numbers are in the machine's byte order, and in base units
 * (counts, bytes, nanoseconds). Fields that are of no use are zero.
 *
 * The descriptor is a Unix socket of type SOCK_SEQPACKET, connected to BRINK_SOCKET or served inside the process
 * (brink/brink.h). Sizes and places of fields do not change within one BRINK_PROTOCOL. */
#ifndef BRINK_PROTOCOL_H
#define BRINK_PROTOCOL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BRINK_PROTOCOL 1
#define BRINK_SOCKET "/run/brink/brink.sock"
#define BRINK_MAX_REQUESTS 128 /* in one write */
#define BRINK_SPEC_BYTES 448
#define BRINK_TEXT_BYTES 104

enum brink_request_op {
    BRINK_REQUEST_ADD = 1,      /* sets watch `spec` on a process: the reply has its number */
    BRINK_REQUEST_REMOVE = 2,   /* ends watch `watch`: no event of it comes after the reply */
    BRINK_REQUEST_DESCRIBE = 3, /* the reply has the spec of watch `watch`, from `offset` on, and its engine; with 0 the
                                   best engine there is */
};

enum brink_request_flag {
    BRINK_REQUEST_THREAD = 1,  /* `pid` is a thread, not the process that it belongs to */
    BRINK_REQUEST_AT_EXEC = 2, /* in force from the next execve(2) of the process, not now */
    BRINK_REQUEST_PIDFD =
        4, /* `pid` is an index: which of the descriptors that came with the message (SCM_RIGHTS) */
    BRINK_REQUEST_REPLY_FD =
        8 /* the last of those descriptors, an end of a SOCK_SEQPACKET socketpair(2), gets the reply */
};

struct brink_request {
    uint16_t protocol; /* BRINK_PROTOCOL */
    uint16_t op;       /* enum brink_request_op */
    uint32_t flags;    /* enum brink_request_flag */
    uint64_t
        cookie; /* the sender's own: comes back in the reply, and in every event of the watch */
    uint32_t watch;
    int32_t pid;
    uint32_t offset;
    uint32_t reserved[9];
    char spec[BRINK_SPEC_BYTES]; /* as after -w of brink(1): "nofile=50%,80%:up"; ends with a NUL */
};

enum brink_event_type {
    BRINK_EVENT_CROSSING = 1,      /* usage went from one side of a level to the other */
    BRINK_EVENT_INITIAL = 2,       /* the watch was set, or a child born, at or above a level */
    BRINK_EVENT_DENIED = 3,        /* the kernel refused because of the limit: `error` */
    BRINK_EVENT_LIMIT_CHANGED = 4, /* from `old_limit` to `limit` */
    BRINK_EVENT_EXIT = 5,   /* the subject is gone, or may be watched no longer (`error` EPERM) */
    BRINK_EVENT_LOST = 6,   /* `count` events found no room; `seq` has jumped by as much */
    BRINK_EVENT_RESYNC = 7, /* after `lost`: where one subject stands now */
    BRINK_EVENT_REPLY = 8   /* to one request: `error` 0 or an errno, `text` says why */
};

enum brink_direction { BRINK_UP = 1, BRINK_DOWN = 2 };
enum brink_event_cause { BRINK_BY_OPERATION = 0, BRINK_BY_LIMIT = 1, BRINK_BY_EXIT = 2 };
enum brink_event_engine { BRINK_KERNEL = 1, BRINK_TRACEPOINT = 2, BRINK_POLL = 3, BRINK_TIMER = 4 };

enum brink_event_flag {
    BRINK_EVENT_NAMED =
        1, /* the subject was named in a request; else it is a child of one that was */
    BRINK_EVENT_THREAD = 2 /* the subject is a thread: `pid` is its tid */
};

#define BRINK_UNLIMITED UINT64_MAX

struct brink_event {
    uint32_t type;  /* enum brink_event_type */
    uint32_t watch; /* of the descriptor, from 1; 0: of none */
    uint64_t cookie;
    uint64_t
        seq; /* of the descriptor, from 1; gaps only where BRINK_EVENT_LOST says so; a reply has none */
    uint64_t monotonic_ns; /* CLOCK_MONOTONIC */
    uint64_t subject; /* the same for all events of one watch on one process, and for no other */
    uint64_t
        start_time_ns; /* of the process, CLOCK_BOOTTIME: tells processes apart that had the same pid */
    uint64_t usage;
    uint64_t level;
    uint64_t limit; /* the soft limit; BRINK_UNLIMITED */
    uint64_t limit_hard;
    uint64_t old_limit;
    uint64_t cgroup_id; /* inode number of its folder below /sys/fs/cgroup; 0: not known */
    uint64_t
        count; /* BRINK_EVENT_LOST; the reply to BRINK_REQUEST_DESCRIBE: bytes of the whole text */
    int32_t pid; /* in the pid namespace of whoever opened the descriptor; 0: has no number there */
    int32_t tid; /* who acted; 0: not known */
    int32_t ppid;
    uint32_t
        uid; /* in the user namespace of whoever opened the descriptor; 65534: has no number there */
    int32_t error;
    uint32_t flags;    /* enum brink_event_flag */
    uint8_t direction; /* enum brink_direction */
    uint8_t cause;     /* enum brink_event_cause */
    uint8_t engine;    /* enum brink_event_engine */
    uint8_t
        level_index; /* of `level` among those of the watch, from 0, as they stand in its spec */
    uint32_t reserved;
    char comm[16];
    char text
        [BRINK_TEXT_BYTES]; /* the level as it stands in the spec; why it ended; the reply's sentence. Has a NUL */
};

#ifdef __cplusplus
static_assert(sizeof(struct brink_request) == 512 && sizeof(struct brink_event) == 256,
              "the protocol has fixed sizes");
}
#else
_Static_assert(sizeof(struct brink_request) == 512 && sizeof(struct brink_event) == 256,
               "the protocol has fixed sizes");
#endif

#endif
