// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which tallies a descriptor table has (the index, for the hot path) and which a process has (the
 * subjects, for everything that names a process: exit, exec, setrlimit). Both are changed without
 * locks, by claiming single entries. */
#include "subject.bpf.h"

#define CLAIMED 1 /* no address: an entry that is being filled */

static __always_inline int claim_way(struct brink_index_set* set, __u64 table, __u32 id) {
    for (int way = 0; way < BRINK_INDEX_WAYS; way++) {
        if (set->table[way] == 0 &&
            __sync_val_compare_and_swap(&set->table[way], 0, CLAIMED) == 0) {
            set->tally[way] = id;
            __sync_lock_test_and_set(&set->table[way], table);
            return 1;
        }
    }
    return 0;
}

__noinline int index_spill(__u32 home, __u32 probes, __s32 delta) {
    for (__u32 p = 0; p < BRINK_INDEX_PROBES && p < probes; p++) {
        struct brink_index_set* set = index_set((home + p) & index_mask);
        if (set)
            __sync_fetch_and_add(&set->spill, delta);
    }
    return 0;
}

static __always_inline __u64 slot_share(__u32 id) {
    return (__u64)id << 16 | 1;
}

/* Entries of one table stand in its home set or, where that is full, in the following ones. The
 * sets that are passed over are told first, so that nobody stops looking too early. */
__noinline int index_insert(__u64 table, __u32 id) {
    __u32 home = index_home(table);
    for (__u32 probe = 0; probe < BRINK_INDEX_PROBES; probe++) {
        struct brink_index_set* set = index_set((home + probe) & index_mask);
        if (!set)
            return -EINVAL;
        index_spill(home, probe, 1);
        if (claim_way(set, table, id)) {
            __sync_fetch_and_add(&slots[hash_of(table) >> SLOT_SHIFT], slot_share(id));
            return 0;
        }
        index_spill(home, probe, -1);
    }
    return -ENOSPC;
}

__noinline int index_remove(__u64 table, __u32 id) {
    __u32 home = index_home(table);
    for (__u32 probe = 0; table && probe < BRINK_INDEX_PROBES; probe++) {
        struct brink_index_set* set = index_set((home + probe) & index_mask);
        if (!set)
            return -EINVAL;
        for (int way = 0; way < BRINK_INDEX_WAYS; way++) {
            if (set->table[way] == table && set->tally[way] == id) {
                __sync_fetch_and_add(&slots[hash_of(table) >> SLOT_SHIFT], -slot_share(id));
                __sync_lock_test_and_set(&set->table[way], 0);
                index_spill(home, probe, -1);
                return 0;
            }
        }
    }
    return -ENOENT;
}

/* The next tally of `table` at or after place `from` of the places where its tallies can be: its id, and
 * above it << 32 the place after it. 0: there is none. */
__noinline __u64 index_next(__u64 table, __u32 from) {
    __u32 home = index_home(table);
    for (__u32 probe = 0; probe < BRINK_INDEX_PROBES; probe++) {
        struct brink_index_set* set = index_set((home + probe) & index_mask);
        if (!set)
            return 0;
        for (__u32 way = 0; way < BRINK_INDEX_WAYS; way++) {
            __u32 place = probe * BRINK_INDEX_WAYS + way;
            if (place >= from && set->table[way] == table)
                return (__u64)(place + 1) << 32 | set->tally[way];
        }
        if (!set->spill)
            return 0;
    }
    return 0;
}

__noinline int subject_add(__u32 tgid, __u32 id) {
    struct brink_subject fresh = {.tally = {id}};
    struct brink_subject* s = subject_of(tgid);
    if (!s) {
        long error = bpf_map_update_elem(&subjects, &tgid, &fresh, BPF_NOEXIST);
        if (error != -EEXIST)
            return (int)error;
        s = subject_of(tgid);
        if (!s)
            return -EAGAIN;
    }
    for (int i = 0; i < BRINK_MAX_PER_SUBJECT; i++) {
        if (__sync_val_compare_and_swap(&s->tally[i], 0, id) == 0)
            return 0;
    }
    return -ENOSPC;
}

/* 0: it was there, and the caller alone has taken it out. */
__noinline int subject_remove(__u32 tgid, __u32 id) {
    struct brink_subject* s = subject_of(tgid);
    if (!s)
        return -ENOENT;
    bool removed = false, others = false;
    for (int i = 0; i < BRINK_MAX_PER_SUBJECT; i++) {
        if (__sync_val_compare_and_swap(&s->tally[i], id, 0) == id)
            removed = true;
        else if (s->tally[i])
            others = true;
    }
    if (removed && !others)
        bpf_map_delete_elem(&subjects, &tgid);
    return removed ? 0 : -ENOENT;
}

/* The subject has another table now (unshare, execve, close_range); nobody else uses it yet. */
__noinline int subject_move(__u32 id, __u64 table) {
    struct brink_tally* t = tally_of(id);
    if (!t)
        return -ENOENT;
    if (t->table == table || t->flags & BRINK_TALLY_AT_EXEC)
        return 0;
    index_remove(t->table, id);
    t->table = table;
    t->budget = 0;
    int error = index_insert(table, id);
    tally_settle(id, table, BRINK_CAUSE_OPERATION);
    return error;
}

/* The subject is gone: everything it stood above goes down, then `exit` if anyone has heard of it. */
__noinline int subject_end(__u32 id) {
    struct brink_tally* t = tally_of(id);
    if (!t || subject_remove(t->tgid, id))
        return -ENOENT;
    index_remove(t->table, id);
    tally_settle(id, 0, BRINK_CAUSE_EXIT);
    if (t->flags & (BRINK_TALLY_NAMED | BRINK_TALLY_REPORTED))
        say(id, BRINK_RECORD_EXIT, next_number(t), 0, 0);
    t->table = 0;
    t->signal = 0;
    t->generation++;
    bpf_map_push_elem(&free_tallies, &id, 0);
    return 0;
}
