/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Subjects that are no process: users, cgroups, listening sockets. The kernel keeps a number for each in an object of its own, whose address
 * is the key in the index; a hook reads the number after the change, as value.bpf.c does. */
#ifndef BRINK_SHARED_BPF_H
#define BRINK_SHARED_BPF_H

#include "subject.bpf.h"

/* shared.bpf.c */
extern int shared_look(__u64 object, __u32 kind);
extern int shared_appears(__u64 object, __u32 family);
extern int shared_begin(__u32 watch, __u64 object, __u64 signal);
extern __u32 shared_find(__u64 object, __u32 watch);

extern int shared_denied(__u64 object, __u32 kind, __u64 usage, __u32 error);
extern __u32 shared_after(__u64 subject, __u32 family, __u32 after);

/* cgroup.bpf.c */
extern __u64 cgroup_read(__u64 object, __u32 kind);
extern __u64 cgroup_limit(__u64 object, __u32 kind);
extern __u64 cgroup_id(__u64 object, __u32 kind);
extern __u64 cgroup_object(__u64 inode, __u32 kind);

/* socket.bpf.c */
extern __u64 socket_read(__u64 object);
extern __u64 socket_limit(__u64 object);
extern __u64 socket_id(__u64 object);

/* shared_command.bpf.c */
extern int shared_link(__u32 watch, __u64 object, __u64 signal);

/* user.bpf.c */
extern __u64 user_read(__u64 counts, __u32 kind);
extern __u64 user_limit(__u64 where, __u32 kind, __u32 hard);
extern __u64 user_id(__u64 counts);
extern int user_gather(__u32 id, __u64 signal);

/* Going through the tallies of an object:
 *
 *   struct shared_walk w = {.object = object};
 *   for (int i = 0; i < SHARED_MOST && w.place != INDEX_END; i++)
 *       struct brink_tally* t = shared_next(&w); (can be 0 although more will follow; w.id) */
#define SHARED_MOST (BRINK_INDEX_PROBES * BRINK_INDEX_WAYS)
struct shared_walk {
    __u64 object;
    __u32 place;
    __u32 id;
};

static __always_inline struct brink_tally* shared_next(struct shared_walk* w) {
    w->id = index_next(w->object, &w->place);
    struct brink_tally* t = w->id ? tally_of(w->id) : 0;
    return t && t->table == w->object ? t : 0;
}

/* What tells subjects of one sort apart from those of another with the same id. */
enum family {
    FAMILY_NONE,
    FAMILY_USER,
    FAMILY_CGROUP_PIDS,
    FAMILY_CGROUP_MEMORY,
    FAMILY_CGROUP_SWAP,
    FAMILY_SOCKET
};

static __always_inline __u32 family_of(__u32 kind) {
    if (kind < BRINK_KIND_USER_PROCESSES)
        return FAMILY_NONE;
    if (kind <= BRINK_KIND_USER_INOTIFY_WATCHES)
        return FAMILY_USER;
    if (kind == BRINK_KIND_CGROUP_PIDS)
        return FAMILY_CGROUP_PIDS;
    if (kind == BRINK_KIND_SOCKET_QUEUE)
        return FAMILY_SOCKET;
    return kind == BRINK_KIND_CGROUP_SWAP ? FAMILY_CGROUP_SWAP : FAMILY_CGROUP_MEMORY;
}

/* Whether watch `w` is to watch `subject`, once it is there. */
static __always_inline bool shared_takes(const struct brink_watch* w, __u64 subject) {
    if (!subject || !brink_is_shared(w->kind))
        return false;
    return w->take == BRINK_TAKE_ALL || w->take == BRINK_TAKE_ASK ||
           (w->take == BRINK_TAKE_USER && w->uid == (__u32)subject);
}

#define SHARED_ANY ~0u /* kind */

/* The number of `kind` that `object` has may be another one. Costs a multiplication and a load where nobody watches it. */
static __always_inline void shared_changed(__u64 object, __u32 kind) {
    if (index_slot(object))
        shared_look(object, kind);
}

#endif
