// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Subjects that are no process: how they appear, are looked at and end. Their addresses are used anew by the kernel, so
 * each tally has what tells its subject apart (brink_tally.subject_id), and is asked for it before anything is said. */
#include "shared.bpf.h"
#include "users.bpf.h"

/* What the subject whose number is kept in `object` is known by; 0: it is no more. */
__noinline __u64 shared_id(__u64 object, __u32 kind) {
    if (kind == BRINK_KIND_SOCKET_QUEUE)
        return socket_id(object);
    return is_of_user(kind) ? user_id(object) : cgroup_id(object, kind);
}

/* The usage that `object` has now. */
__noinline __u64 shared_read(__u64 object, __u32 kind) {
    if (kind == BRINK_KIND_SOCKET_QUEUE)
        return socket_read(object);
    return is_of_user(kind) ? user_read(object, kind) : cgroup_read(object, kind);
}

/* Its limit; `where`: brink_tally.signal. */
__noinline __u64 shared_limit(__u64 where, __u32 kind, __u32 hard) {
    if (is_of_user(kind))
        return user_limit(where, kind, hard);
    if (hard)
        return ~0ull;
    return kind == BRINK_KIND_SOCKET_QUEUE ? socket_limit(where) : cgroup_limit(where, kind);
}

/* The tally of watch `watch` on `object`; 0: there is none. */
__noinline __u32 shared_find(__u64 object, __u32 watch) {
    struct shared_walk w = {.object = object};
    __u32 found = 0;
    for (int i = 0; i < SHARED_MOST && w.place != INDEX_END; i++) {
        struct brink_tally* t = shared_next(&w);
        if (t && t->watch == watch && (!found || w.id < found))
            found = w.id;
    }
    return found;
}

/* Looks at the number of `kind` in every tally of `object` (SHARED_ANY: at all, 0: at none), and ends those whose
 * subject is gone. */
__noinline int shared_look(__u64 object, __u32 kind) {
    struct shared_walk w = {.object = object};
    for (int i = 0; i < SHARED_MOST && w.place != INDEX_END; i++) {
        struct brink_tally* t = shared_next(&w);
        if (!t)
            continue;
        if (shared_id(object, t->kind) != t->subject_id)
            subject_end(w.id);
        else if (t->kind == kind || kind == SHARED_ANY)
            look(t, w.id);
    }
    return 0;
}

/* Something was refused because of the number of `kind` in `object`, which is `usage` without it; with no errno, if `error`
 * is 0: dropped. */
__noinline int shared_denied(__u64 object, __u32 kind, __u64 usage, __u32 error) {
    __u32 what = BRINK_RECORD_DENIED | (shared_acted(kind) ? SAY_ACTED : 0) |
                 (error ? BRINK_REFUSAL_ERRNO : BRINK_REFUSAL_DROP) << SAY_CAUSE;
    struct shared_walk w = {.object = object};
    for (int i = 0; i < SHARED_MOST && w.place != INDEX_END; i++) {
        struct brink_tally* t = shared_next(&w);
        if (t && t->kind == kind && word_position(t->word) != BRINK_POS_COUNTING)
            say(w.id, what, next_number(t), usage, error);
    }
    return 0;
}

struct wanted {
    __u64 subject;
    __u32 family;
    __u32 after;
    __u32 found;
};

static long is_wanted(__u32 i, struct wanted* w) {
    __u32 id = i + 1;
    const struct brink_tally* t = id <= w->after ? 0 : tally_of(id);
    if (!t || !t->table || t->subject_id != w->subject || family_of(t->kind) != w->family)
        return 0;
    w->found = id;
    return 1;
}

/* The first tally after `after` of a subject of which the kernel says who it is, and not where; 0: there is none. */
__noinline __u32 shared_after(__u64 subject, __u32 family, __u32 after) {
    struct wanted w = {.subject = subject, .family = family, .after = after, .found = unknown_zero};
    bpf_loop(n_tallies - 1, is_wanted, &w, 0);
    return w.found;
}

/* Takes a free tally for watch `watch` on `object`, whose first count is pending then. The answer is its number; -ENOSPC:
 * there was no room; -ESRCH: the subject is gone; -EEXIST: another CPU was faster. `signal`: of the process that brought it
 * up, whose limit is the first that is known. */
__noinline int shared_begin(__u32 watch, __u64 object, __u64 signal) {
    const struct brink_watch* w = bpf_map_lookup_elem(&watches, &watch);
    __u64 subject = w ? shared_id(object, w->kind) : 0;
    if (!w || !subject)
        return -ESRCH;
    __u32 id = tally_take(w, watch, BRINK_TALLY_SCAN);
    struct brink_tally* t = id ? tally_of(id) : 0;
    if (!t) {
        unwatched();
        return -ENOSPC;
    }
    t->leader = 0;
    t->pid = t->tgid = 0;
    t->subject_id = subject;
    t->lowest = t->lowest_hard = t->gathered = t->gathered_hard = ~0ull;
    t->signal = has_rlimit(w->kind) ? id : object;
    if (user_is_held(t))
        user_lower(t, signal);
    limit_read(id);
    limit_bounds(id, 0);
    t->table = object;
    int error = index_insert(object, id);
    if (error)
        unwatched();
    else if (shared_find(object, watch) != id)
        error = -EEXIST;
    if (!error)
        return (int)id;
    index_remove(object, id);
    t->signal = 0;
    tally_release(t, id);
    return error;
}

struct appearing {
    __u64 object;
    __u32 family;
};

static long appears_to(__u32 i, struct appearing* a) {
    const struct brink_watch* w = bpf_map_lookup_elem(&watches, &i);
    if (!w || !w->n_levels)
        return 1;
    if (family_of(w->kind) != a->family || !shared_takes(w, shared_id(a->object, w->kind)) ||
        shared_find(a->object, i))
        return 0;
    int id = shared_begin(i, a->object, address_of(bpf_get_current_task_btf()->signal));
    struct brink_tally* t = id > 0 ? tally_of((__u32)id) : 0;
    if (!t)
        return 0;
    if (a->family != FAMILY_USER) /* what it is called is to be learned while it is there */
        say((__u32)id, BRINK_RECORD_BEGIN | (a->family == FAMILY_SOCKET ? SAY_ACTED : 0),
            next_number(t), 0, 0);
    tally_start((__u32)id);
    return 0;
}

/* A subject may be new: every watch that takes it has a tally of it afterwards. REQUIRES: what was at this address before
 * has been ended, shared_look(). */
__noinline int shared_appears(__u64 object, __u32 family) {
    struct appearing a = {.object = object, .family = family};
    bpf_loop(BRINK_MAX_WATCHES, appears_to, &a, 0);
    return 0;
}
