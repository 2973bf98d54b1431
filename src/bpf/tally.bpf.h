/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps, and what every hook does first: find the tallies of a descriptor table. The hot path is
 * here and is inlined into the hooks; all that happens only near a level is in tally.bpf.c. */
#ifndef BRINK_TALLY_BPF_H
#define BRINK_TALLY_BPF_H

#include "identity.bpf.h"
#include "index.bpf.h"
#include "kernel.h"
#include "scan.bpf.h"
#include "wire.h"

/* Sizes are set before loading. Entry 0 of tallies stays unused: 0 means "none". */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct brink_tally);
} tallies SEC(".maps") __weak;

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct brink_watch);
} watches SEC(".maps") __weak;

/* A queue, not a stack: a slot rests as long as possible before it is used anew, so that a hook
 * which has just read its number cannot meet the next owner. */
struct {
    __uint(type, BPF_MAP_TYPE_QUEUE);
    __uint(max_entries, 1);
    __type(value, __u32);
} free_tallies SEC(".maps") __weak;

const volatile __u32 n_tallies __weak = 1;
const volatile __u32 page_shift __weak = 12;

__u64 n_dropped __weak;   /* records, all tallies together */
__u64 n_unwatched __weak; /* children that found no free tally, tables that found no place */
__u32 n_replacing __weak; /* dup2 calls that are about to close what they replace */

__u32 n_selectors __weak; /* 0: nobody is watched by selection */
__u32 own_tgid __weak;    /* whoever runs brink: never selected */
__u64 own_network __weak; /* the address of their network namespace */
__u64 n_pending __weak;   /* tallies that were linked and left for the reader to settle */

__u32 woken __weak;       /* BRINK_RECORD_WAKE waits to be read */
__u64 n_unsettled __weak; /* operations that gave up after too many collisions: should be 0 */
__u64 commander __weak;   /* pid and tid of the reader while it has a command run */

/* The address behind a pointer that the verifier tracks, as a number. It refuses arithmetic on such
 * pointers, but a difference of two is a number, and the address of `anchor` is learned once (a
 * probe read instead would cost more than all the rest of the hot path). */
__u64 anchor __weak;
__u64 anchor_address __weak;

static __always_inline __u64 address_of(const void* pointer) {
    __u64 distance = (__u64)pointer;
    asm volatile("%0 -= %1" : "+r"(distance) : "r"(&anchor));
    return distance + anchor_address;
}

/* Functions of other files; numbers only, so that each is verified once, by itself. */
extern int say(__u32 id, __u32 what, __u32 number, __u64 usage, __u64 extra); /* emit.bpf.c */
extern int wake_reader(void);
extern int tally_step(__u32 id, __s32 delta); /* tally.bpf.c */
extern __u32 tally_position(__u32 id, __u32 version, __u32 from, __u64 n);
extern int tally_recount(__u32 id, __u32 installing);
extern int tally_sample(__u32 id, int exact);
extern int tally_commit(__u32 id, __u64 base);
extern int tally_start(__u32 id);
extern int tally_apply(__u32 id, __u64 word, __u64 via, __u64 n, __u32 cause);
extern int tally_near(__u32 id);
extern int tally_settle(__u32 id, __u64 table, __u32 cause);
extern int tally_limit(__u32 id); /* limit.bpf.c */
extern __u64 limit_now(__u64 signal, __u32 kind, __u32 hard);
extern __u32 limit_changed(__u32 after);
extern int limit_read(__u32 id);
extern int limit_bounds(__u32 id, __u32 version);
extern __u64 value_read(__u64 object, __u32 kind); /* value.bpf.c */
extern __u64 value_object(__u64 task, __u32 kind);
extern int value_follow(__u32 id);
extern __u64 shared_id(__u64 object, __u32 kind); /* shared.bpf.c */
extern __u64 shared_read(__u64 object, __u32 kind);
extern __u64 shared_limit(__u64 where, __u32 kind, __u32 hard);
extern int memory_call_ends(__s64 result);       /* refusal.bpf.c */
extern int subject_begin(__u32 id, __u64 table); /* subject.bpf.c */
extern int subject_end(__u32 id);
extern int subject_leave(__u32 id);
extern int subject_move(__u32 id, __u64 table);
extern int subject_drop(__u32 id, __u32 error);
extern __u64 selected_watches(__u64 task, __u64 comm);          /* selector.bpf.c */
extern int select_once(__u64 task, __u32 settling, __u64 comm); /* selection.bpf.c */
extern __u64 selection_concerned(void);

/* A tally may be off: the reader is woken to hold the counts against the tables. */
static __always_inline void unsettled(void) {
    __sync_fetch_and_add(&n_unsettled, 1);
    wake_reader();
}

/* A limit has changed, it is not known whose: all tallies are looked at. Whom there is no turn left for are left to the
 * reader. */
static __always_inline void follow_changed_limits(void) {
    __u32 id = unknown_zero;
    for (int i = 0; i < 64; i++) {
        id = limit_changed(id);
        if (!id)
            return;
        tally_limit(id);
    }
    unsettled();
}

/* The second argument of say(). */
enum {
    SAY_TYPE = 0,        /* enum brink_record_type */
    SAY_CAUSE = 8,       /* enum brink_cause */
    SAY_POSITION = 16,   /* of the level, 1..BRINK_MAX_LEVELS */
    SAY_VERSION = 24,    /* which bounds */
    SAY_UP = 1 << 28,    /* direction */
    SAY_ACTED = 1 << 29, /* the current task did it */
};

/* bpf_map_lookup_elem on an array is inlined by the verifier: a bounds check and an addition. */
static __always_inline struct brink_tally* tally_of(__u32 id) {
    return bpf_map_lookup_elem(&tallies, &id);
}

static __always_inline __u32 users_of(__u64 table) {
    const struct files_struct* files = (const void*)table;
    return (__u32)BPF_CORE_READ(files, count.counter);
}

/* What `table`, an object of `kind`, holds now. */
static __always_inline __u64 held_by(__u64 table, __u32 kind) {
    return kind ? value_read(table, kind) : (__u32)scan_table(table, 1);
}

/* A position 1..BRINK_MAX_LEVELS as an index 0..BRINK_MAX_LEVELS - 1, in a form in which the verifier
 * sees the bound and the compiler does not know better. */
static __always_inline __u32 index_of(__u32 position) {
    position -= 1;
    asm volatile("" : "+r"(position));
    return position & (BRINK_MAX_LEVELS - 1);
}

static __always_inline struct brink_watch* watch_of(const struct brink_tally* t) {
    __u32 key = t->watch;
    return bpf_map_lookup_elem(&watches, &key);
}

static __always_inline __u64 word_of(__u64 n, __u32 position, __u64 version, __u64 record,
                                     __u64 op) {
    return (n & BRINK_COUNT_MASK) | (__u64)(position & BRINK_POS_MASK) << BRINK_POS_SHIFT |
           (version & BRINK_VERSION_MASK) << BRINK_VERSION_SHIFT |
           (record & BRINK_RECORD_MASK) << BRINK_RECORD_SHIFT | op << BRINK_OP_SHIFT;
}

static __always_inline __u64 word_record(__u64 word) {
    return word >> BRINK_RECORD_SHIFT & BRINK_RECORD_MASK;
}

static __always_inline __u64 word_op(__u64 word) {
    return word >> BRINK_OP_SHIFT;
}

/* Takes the next record number of a tally. */
static __always_inline __u16 next_number(struct brink_tally* t) {
    return (__u16)word_record(__sync_fetch_and_add(&t->word, (__u64)1 << BRINK_RECORD_SHIFT));
}

static __always_inline __u32 word_position(__u64 word) {
    return (__u32)(word >> BRINK_POS_SHIFT) & BRINK_POS_MASK;
}

static __always_inline __u32 word_version(__u64 word) {
    return (__u32)(word >> BRINK_VERSION_SHIFT) & BRINK_VERSION_MASK;
}

/* Whether a hook of `kind` runs in the task whose doing it is, and not in an interrupt. */
static __always_inline bool shared_acted(__u32 kind) {
    return kind <= BRINK_KIND_CGROUP_PIDS && kind != BRINK_KIND_USER_SIGNALS;
}

/* What a hook has seen happen to a table. */
enum change {
    CHANGE_INSTALL, /* one descriptor is about to be installed */
    CHANGE_CLOSE,   /* one descriptor has been taken out */
    CHANGE_SMALL,   /* a system call has ended that adds or takes out two at most */
    CHANGE_ANY,     /* a system call has ended that can do anything */
    CHANGE_VALUE,   /* a number that the kernel keeps may be another one, and holds still */
    CHANGE_RESIDENT, /* so may the count of resident pages, while others are in the midst of a change */
};

/* Recounting tallies: nothing to do while the budget lasts. */
static __always_inline void spend(struct brink_tally* t, __u32 id, enum change change) {
    if (change == CHANGE_CLOSE)
        return;
    if (change != CHANGE_ANY && __sync_fetch_and_add(&t->budget, change == CHANGE_SMALL ? -2 : -1) >
                                    (change == CHANGE_SMALL ? 2 : 1))
        return;
    tally_recount(id, change == CHANGE_INSTALL);
}

/* Counting tallies: two loads, two comparisons and a compare-and-swap while no level is near. */
static __always_inline void step(struct brink_tally* t, __u32 id, enum change change) {
    __s32 delta = change == CHANGE_INSTALL ? 1 : -1;
    __u64 word = t->word;
    __u32 position = word_position(word);
    __u64 n = (word & BRINK_COUNT_MASK) + (__u64)(__s64)delta;
    if (position <= BRINK_MAX_LEVELS) {
        const struct brink_bounds* bounds = &t->bounds[word >> BRINK_VERSION_SHIFT & 1];
        /* Downwards at[position] itself, so that 0, which nothing can be taken from, is not missed. */
        bool crosses = delta > 0 ? n >= bounds->at[position + 1]
                                 : (word & BRINK_COUNT_MASK) <= bounds->at[position];
        if (!crosses &&
            __sync_val_compare_and_swap(&t->word, word, word + (__u64)(__s64)delta) == word)
            return;
    }
    tally_step(id, delta);
}

/* Whether a usage of `n` is at position `p`: nothing to say. */
static __always_inline bool in_place(const struct brink_tally* t, __u64 word, __u64 n) {
    __u32 p = word_position(word);
    asm volatile("" : "+r"(p)); /* compared as it is, so that the verifier sees the bound */
    if (p > BRINK_MAX_LEVELS)
        return false;
    const struct brink_bounds* b = &t->bounds[word >> BRINK_VERSION_SHIFT & 1];
    return n < b->at[p + 1] && (p == 0 || n >= (b->rearm ? b->rearm : b->at[p]));
}

/* Whether the object is still the subject's: an mm_struct that a process has let go of in execve or in its end may be
 * another's by now, before the hook there comes by. A leader that has ended before its threads has none. */
static __always_inline bool still_its_own(const struct brink_tally* t) {
    if (brink_is_shared(t->kind))
        return shared_id(t->table, t->kind) == t->subject_id;
    if (value_object(t->leader, t->kind) == t->table)
        return true;
    return bpf_get_current_pid_tgid() >> 32 == t->tgid &&
           value_object(bpf_get_current_task(), t->kind) == t->table;
}

/* Read first the number and then the word, which follows it: who is late sees what the other has done. */
static __always_inline void look(struct brink_tally* t, __u32 id) {
    __u64 n = value_read(t->table, t->kind);
    if (!in_place(t, *(volatile __u64*)&t->word, n))
        value_follow(id);
}

static __always_inline void visit(struct brink_tally* t, __u32 id, enum change change, __u32 fd) {
    if (change == CHANGE_VALUE || change == CHANGE_RESIDENT) {
        if (change == CHANGE_VALUE || t->kind == BRINK_KIND_RESIDENT)
            look(t, id);
        return;
    }
    if (change == CHANGE_INSTALL && fd >= t->near_fd)
        tally_near(id);
    if (t->flags & BRINK_TALLY_SCAN)
        spend(t, id, change);
    else if (change == CHANGE_INSTALL || change == CHANGE_CLOSE)
        step(t, id, change);
}

struct each {
    __u64 table;
    enum change change;
    __u32 fd;
    __u32 place;
};

/* `place` is a variable of its own: before 6.8 the verifier does not follow what is known of a value through memory
 * of the caller, and took every round for the last. */
static long visit_next(__u32 i, struct each* e) {
    __u32 place = e->place;
    __u32 id = index_next(e->table, &place);
    e->place = place;
    struct brink_tally* t = id ? tally_of(id) : 0;
    if (t && t->table == e->table)
        visit(t, id, e->change, e->fd);
    return place == INDEX_END;
}

/* Applies `change` to every tally of `table`; `fd`: the number that is installed. */
static __always_inline void count(__u64 table, enum change change, __u32 fd) {
    __u64 slot = index_slot(table);
    if (!slot)
        return;
    if (slot_has_one(slot)) {
        __u32 id = slot_id(slot);
        struct brink_tally* t = tally_of(id);
        if (t && t->table == table)
            visit(t, id, change, fd);
        return;
    }
    struct each e = {.table = table, .change = change, .fd = fd, .place = unknown_zero};
    bpf_loop(BRINK_INDEX_PROBES * BRINK_INDEX_WAYS, visit_next, &e, 0);
}

#endif
