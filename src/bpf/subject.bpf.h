/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Subjects: which tallies a process has, and how they come and go. */
#ifndef BRINK_SUBJECT_BPF_H
#define BRINK_SUBJECT_BPF_H

#include "tally.bpf.h"

static __always_inline struct brink_subject* subject_of(__u32 tgid) {
    return bpf_map_lookup_elem(&subjects, &tgid);
}

/* What a tally's table holds now; for one that counts, what was counted. */
static __always_inline __u64 usage_of(const struct brink_tally* t) {
    return t->flags & BRINK_TALLY_SCAN ? scan_table(t->table, 1) : t->word & BRINK_COUNT_MASK;
}

/* The kernel has refused the current task because of the limit. In the tracepoint engine the same
 * errno can have another reason (inotify_init): it counts only if the table is full. */
static __always_inline void denied(const struct task_struct* task, __u32 error) {
    struct brink_subject* s = subject_of((__u32)task->tgid);
    if (!s)
        return;
    for (int i = 0; i < BRINK_MAX_PER_SUBJECT; i++) {
        __u32 id = s->tally[i];
        struct brink_tally* t = id ? tally_of(id) : 0;
        if (!t || t->table != address_of(task->files) ||
            word_position(t->word) == BRINK_POS_COUNTING)
            continue;
        __u64 usage = usage_of(t);
        if (usage + 2 * users_of(t->table) > t->limit)
            say(id, BRINK_RECORD_DENIED | SAY_ACTED, next_number(t), usage, error);
    }
}

static __always_inline void read_limit(struct brink_tally* t) {
    const struct signal_struct* signal = (const void*)t->signal;
    struct rlimit limit = {};
    BPF_CORE_READ_INTO(&limit, signal, rlim[RLIMIT_NOFILE]);
    t->limit = limit.rlim_cur;
    t->limit_hard = limit.rlim_max;
}

/* Takes a free tally for `task` and links it to the process, not yet to a table. 0: none is free, or
 * the process has BRINK_MAX_PER_SUBJECT already. */
static __always_inline __u32 tally_new(const struct task_struct* task, __u32 watch, __u32 flags) {
    __u32 id = 0;
    __u32 tgid = (__u32)BPF_CORE_READ(task, tgid);
    if (bpf_map_pop_elem(&free_tallies, &id))
        return 0;
    struct brink_tally* t = tally_of(id);
    if (!t || id == 0)
        return 0;
    struct signal_struct* signal = BPF_CORE_READ(task, signal);
    const struct task_struct* leader = task;
    if (!(flags & BRINK_TALLY_THREAD))
        leader = BPF_CORE_READ(task, group_leader);
    t->word = (__u64)BRINK_POS_COUNTING << BRINK_POS_SHIFT;
    t->table = 0;
    t->signal = (__u64)signal;
    t->leader = (__u64)leader;
    t->start_time_ns = start_time_ns(leader);
    read_limit(t);
    t->dropped = 0;
    t->pid = flags & BRINK_TALLY_THREAD ? (__u32)BPF_CORE_READ(task, pid) : tgid;
    t->tgid = tgid;
    t->watch = watch;
    t->flags = flags;
    t->budget = 0;
    t->lock = 0;
    if (subject_add(tgid, id)) {
        t->generation++;
        bpf_map_push_elem(&free_tallies, &id, 0);
        return 0;
    }
    return id;
}

#endif
