/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Subjects that are no process: users. The kernel keeps a number for each in an object of its own, whose address
 * is the key in the index; a hook reads the number after the change, as value.bpf.c does. */
#ifndef BRINK_SHARED_BPF_H
#define BRINK_SHARED_BPF_H

#include "subject.bpf.h"

/* shared.bpf.c */
extern int shared_look(__u64 object, __u32 kind);
extern int shared_appears(__u64 object);
extern int shared_begin(__u32 watch, __u64 object, __u64 signal);
extern __u32 shared_find(__u64 object, __u32 watch);

/* user.bpf.c */
extern __u64 user_read(__u64 counts, __u32 kind);
extern __u64 user_limit(__u64 where, __u32 kind, __u32 hard);
extern __u64 user_id(__u64 counts);
extern int user_gather(__u32 id, __u64 signal);
extern int user_denied(__u64 counts, __u32 kind, __u64 usage, __u32 error);

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

/* Whether watch `w` is to watch `subject`, once it is there. */
static __always_inline bool shared_takes(const struct brink_watch* w, __u64 subject) {
    if (!brink_is_shared(w->kind))
        return false;
    return w->select == BRINK_SELECT_ALL ||
           (w->select == BRINK_SELECT_USER && w->selected == (__u32)subject);
}

/* The number of `kind` that `object` has may be another one. Costs a multiplication and a load where nobody watches it. */
static __always_inline void shared_changed(__u64 object, __u32 kind) {
    if (index_slot(object))
        shared_look(object, kind);
}

#endif
