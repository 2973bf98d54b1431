/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Subjects: which tallies a process has, and how they come and go. */
#ifndef BRINK_SUBJECT_BPF_H
#define BRINK_SUBJECT_BPF_H

#include "owner.bpf.h"
#include "tally.bpf.h"

/* Going through the tallies of a process:
 *
 *   struct walk w = {.tgid = tgid};
 *   for (int i = 0; i < BRINK_MAX_PER_SUBJECT && w.place != INDEX_END; i++)
 *       struct brink_tally* t = subject_next(&w); (can be 0 although more will follow; w.id) */
struct walk {
    __u32 tgid;
    __u32 place;
    __u32 id;
};

static __always_inline struct brink_tally* subject_next(struct walk* w) {
    w->id = index_next(subject_key(w->tgid), &w->place);
    struct brink_tally* t = w->id ? tally_of(w->id) : 0;
    return t && t->tgid == w->tgid ? t : 0;
}

/* Whether subject_next() may have anything; now and then also for a process that nobody watches. */
static __always_inline bool is_subject(__u32 tgid) {
    return index_slot(subject_key(tgid));
}

struct counting {
    struct walk w;
    __u32 n;
};

static long count_next(__u32 i, struct counting* c) {
    struct walk w = c->w; /* as in visit_next */
    c->n += subject_next(&w) != 0;
    c->w = w;
    return w.place == INDEX_END;
}

static __always_inline __u32 watches_of(__u32 tgid) {
    struct counting c = {.w = {.tgid = tgid, .place = unknown_zero}, .n = unknown_zero};
    bpf_loop(BRINK_MAX_PER_SUBJECT, count_next, &c, 0);
    return c.n;
}

/* How the first count of a process that comes to match a selection is taken. */
enum settling {
    SETTLE_AT_ONCE,  /* nobody can be at work on its table: it has not begun, or is in execve */
    SETTLE_IF_ALONE, /* at once if the current task has the table to itself, else by the reader */
    SETTLE_LATER,    /* by the reader */
};

/* A process was born, or a subject has a table, for which there is no room. */
static __always_inline void unwatched(void) {
    __sync_fetch_and_add(&n_unwatched, 1);
    wake_reader(); /* who says so */
}

/* Where a hook was interrupted, others may have come by that were left out: the reader is told. */
static __always_inline void end_noted(const struct task_struct* task, __u64 switches) {
    if (task->nivcsw != switches)
        wake_reader();
}

#define SELECT_ROUNDS 4

#define NOTED(what)                                                   \
    do {                                                              \
        const struct task_struct* task_ = bpf_get_current_task_btf(); \
        __u64 switches_ = task_->nivcsw;                              \
        what;                                                         \
        end_noted(task_, switches_);                                  \
    } while (0)

/* Holds the process of main thread `task` against all selections. -EAGAIN: somebody else was at it all the time. What
 * changes meanwhile is not missed: whoever changes it waits for the lock, or meets what was linked here, or is seen by
 * the last look, which comes after the link. The looks are calls of one function, which so is verified once. */
static __always_inline int select_process(__u64 task, __u32 settling, __u64 comm) {
    int again = 1;
    for (int i = 0; i < SELECT_ROUNDS && again > 0; i++)
        again = select_once(task, settling, comm);
    return again < 0 ? again : 0;
}

/* What a tally's table holds now; for one that counts, what was counted. */
static __always_inline __u64 usage_of(const struct brink_tally* t) {
    return t->flags & BRINK_TALLY_SCAN ? held_by(t->table, t->kind) : t->word & BRINK_COUNT_MASK;
}

struct refusing {
    struct walk w;
    __u64 table; /* of the caller */
    __u32 error;
};

static long denied_next(__u32 i, struct refusing* r) {
    struct walk w = r->w; /* as in visit_next */
    struct brink_tally* t = subject_next(&w);
    r->w = w;
    if (t && t->table == r->table && word_position(t->word) != BRINK_POS_COUNTING) {
        __u64 usage = usage_of(t);
        if (usage + 2 * users_of(t->table) > t->limit)
            say(w.id, BRINK_RECORD_DENIED | SAY_ACTED, next_number(t), usage, r->error);
    }
    return w.place == INDEX_END;
}

/* The kernel has refused the current task because of the limit. In the tracepoint engine the same
 * errno can have another reason (inotify_init): it counts only if the table is full. */
static __always_inline void denied(const struct task_struct* task, __u32 error) {
    struct refusing r = {
        .w = {.tgid = (__u32)task->tgid, .place = unknown_zero},
        .table = address_of(task->files),
        .error = error,
    };
    bpf_loop(BRINK_MAX_PER_SUBJECT, denied_next, &r, 0);
}

/* Takes a free tally for watch `number`; its first count is pending, and nobody finds it. 0: none is free, or the watch's
 * account has as many as it may. */
static __always_inline __u32 tally_take(const struct brink_watch* w, __u32 number, __u32 flags) {
    __u32 id = 0;
    struct brink_account* a = account_by(w->account);
    if (a && __sync_fetch_and_add(&a->tallies, 1) >= a->max_tallies) {
        __sync_fetch_and_add(&a->tallies, -1);
        return 0;
    }
    if (bpf_map_pop_elem(&free_tallies, &id)) {
        if (a)
            __sync_fetch_and_add(&a->tallies, -1);
        return 0;
    }
    struct brink_tally* t = tally_of(id);
    if (!t || id == 0)
        return 0;
    t->word = (__u64)BRINK_POS_COUNTING << BRINK_POS_SHIFT;
    t->table = 0;
    t->start_time_ns = 0;
    t->dropped = 0;
    t->watch = (__u16)number;
    t->kind = (__u16)w->kind;
    t->serial = w->serial;
    t->owner = w->owner;
    t->account = w->account;
    t->flags = flags;
    t->budget = 0;
    t->lock = 0;
    return id;
}

/* Gives it back. Nobody finds it any more. */
static __always_inline void tally_release(struct brink_tally* t, __u32 id) {
    struct brink_account* a = account_by(t->account);
    if (a)
        __sync_fetch_and_add(&a->tallies, -1);
    t->table = 0;
    t->tgid = 0;
    t->generation++;
    bpf_map_push_elem(&free_tallies, &id, 0);
}

/* Takes a free tally for process `tgid`, or its thread `pid`, for which task `leader` stands. Nobody finds it before
 * subject_begin(). 0: none is free, or `watch`'s account has as many as it may. */
static __always_inline __u32 tally_new(const struct task_struct* leader, __u32 tgid, __u32 pid,
                                       __u32 watch, __u32 flags) {
    const struct brink_watch* w = bpf_map_lookup_elem(&watches, &watch);
    __u32 id = w ? tally_take(w, watch, flags) : 0;
    struct brink_tally* t = id ? tally_of(id) : 0;
    if (!t)
        return 0;
    t->leader = (__u64)leader;
    t->pid = pid;
    t->tgid = tgid;
    t->signal = (__u64)BPF_CORE_READ(leader, signal);
    limit_read(id);
    return id;
}

#endif
