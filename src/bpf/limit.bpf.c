// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The limit of a subject has changed: relative levels move, and a level may change its side without
 * any change of usage. The new thresholds are written beside the old ones; the swap of the word that
 * makes them hold also decides which levels have changed sides, so that a concurrent operation
 * meets either the old ones or the new ones. */
#include "levels.h"
#include "tally.bpf.h"

#define TRIES 16

/* vm.max_map_count, written by the reader. */
__u64 max_mappings __weak = ~0ull;

/* The soft and the hard limit that hold `kind` for the process of `signal` (brink_tally.signal); ~0: none. */
static __always_inline struct rlimit limits(__u64 signal, __u32 kind) {
    struct rlimit limit = {~0ull, ~0ull};
    __u32 number;
    switch (kind) {
    case BRINK_KIND_DESCRIPTORS:
        number = RLIMIT_NOFILE;
        break;
    case BRINK_KIND_ADDRESS_SPACE:
        number = RLIMIT_AS;
        break;
    case BRINK_KIND_DATA:
        number = RLIMIT_DATA;
        break;
    case BRINK_KIND_STACK:
        number = RLIMIT_STACK;
        break;
    case BRINK_KIND_LOCKED:
        number = RLIMIT_MEMLOCK;
        break;
    case BRINK_KIND_RESIDENT:
        number = RLIMIT_RSS;
        break;
    case BRINK_KIND_MAPPINGS:
        limit.rlim_cur = limit.rlim_max = max_mappings;
        return limit;
    case BRINK_KIND_THREADS:
        return limit;
    default:
        limit.rlim_cur = shared_limit(signal, kind, 0);
        limit.rlim_max = shared_limit(signal, kind, 1);
        return limit;
    }
    bpf_probe_read_kernel(&limit, sizeof limit,
                          (const void*)signal + bpf_core_field_offset(struct signal_struct, rlim) +
                              number * sizeof limit);
    return limit;
}

__noinline __u64 limit_now(__u64 signal, __u32 kind, __u32 hard) {
    struct rlimit limit = limits(signal, kind);
    return hard ? limit.rlim_max : limit.rlim_cur;
}

/* For a tally that nobody finds yet, or that is not in force. */
__noinline int limit_read(__u32 id) {
    struct brink_tally* t = tally_of(id);
    if (!t)
        return -ENOENT;
    struct rlimit limit = limits(t->signal, t->kind);
    t->limit = limit.rlim_cur;
    t->limit_hard = limit.rlim_max;
    return 0;
}

/* The threshold of rearm under the present limit. */
__noinline __u64 limit_rearm(__u32 id) {
    struct brink_tally* t = tally_of(id);
    struct brink_watch* w = t ? watch_of(t) : 0;
    return w ? brink_rearm_at(w, t->limit) : 0;
}

struct keys {
    __u64 key[BRINK_MAX_LEVELS];
    __u32 id;
    __u32 version;
};

/* The sorting key of level `i` under the present limit. */
static long find_key(__u32 i, struct keys* k) {
    struct brink_tally* t = tally_of(k->id);
    struct brink_watch* w = t ? watch_of(t) : 0;
    asm volatile("" : "+r"(i)); /* so that the verifier sees the bound, before 6.12 */
    i &= BRINK_MAX_LEVELS - 1;
    k->key[i] = w ? brink_level_key(w, i, t->limit) : 0;
    return 0;
}

static long place(__u32 i, struct keys* k) {
    struct brink_tally* t = tally_of(k->id);
    if (t)
        brink_place_level(&t->bounds[k->version & 1], k->key, i);
    return 0;
}

/* Writes the thresholds for the present limit into bounds `version` (its lowest bit). */
__noinline int limit_bounds(__u32 id, __u32 version) {
    struct keys k = {.id = id, .version = version};
    bpf_loop(BRINK_MAX_LEVELS, find_key, &k, 0);
    bpf_loop(BRINK_MAX_LEVELS, place, &k, 0);
    __u64 rearm = limit_rearm(id);
    struct brink_tally* t = tally_of(id);
    if (!t)
        return -ENOENT;
    brink_close_bounds(&t->bounds[version & 1], rearm);
    __u64 half = t->limit / 2;
    t->near_fd = half < ~0u ? (__u32)half : ~0u;
    return 0;
}

struct levels {
    __u64 usage;
    __u32 id;
    __u32 what; /* for say(), without the position */
    __u32 mask; /* a bit for each level, by its index */
    __u32 number;
};

static __always_inline __u32 level_bit(const struct levels* l, __u32 position) {
    const struct brink_tally* t = tally_of(l->id);
    if (!t)
        return 0;
    const struct brink_bounds* b = &t->bounds[l->what >> SAY_VERSION & 1];
    return 1u << (b->order[index_of(position)] & (BRINK_MAX_LEVELS - 1));
}

static long add_passed(__u32 i, struct levels* l) {
    l->mask |= level_bit(l, i + 1);
    return 0;
}

/* Which levels are passed at `position` under bounds `version`. */
static __always_inline __u32 passed(__u32 id, __u32 version, __u32 position) {
    struct levels l = {.id = id, .what = (version & 1) << SAY_VERSION};
    bpf_loop(position, add_passed, &l, 0);
    return l.mask;
}

static long say_level(__u32 i, struct levels* l) {
    __u32 position = l->what & SAY_UP ? i + 1 : BRINK_MAX_LEVELS - i;
    if (l->mask & level_bit(l, position))
        say(l->id, l->what | (position & 0xff) << SAY_POSITION, l->number++, l->usage, 0);
    return 0;
}

/* 0: done; -EAGAIN: the word has moved. */
__noinline int limit_swap(__u32 id, __u64 word, __u64 old_limit) {
    struct brink_tally* t = tally_of(id);
    struct brink_watch* w = t ? watch_of(t) : 0;
    if (!t || !w)
        return -ENOENT;
    __u32 version = word_version(word);
    __u32 from = word_position(word), to = from, was = 0, is = 0;
    __u64 n = word & BRINK_COUNT_MASK;
    if (from != BRINK_POS_COUNTING) {
        if (t->kind) {
            if (!still_its_own(t))
                return -EAGAIN;
            n = value_read(t->table, t->kind);
            if (!in_place(t, word, n)) { /* its hook is on the way */
                tally_apply(id, word, n, n, BRINK_CAUSE_OPERATION);
                return -EAGAIN;
            }
        } else if (t->flags & BRINK_TALLY_SCAN) {
            n = (__u32)scan_table(t->table, 1);
            from = tally_position(id, version, from, n); /* closes since the last recount */
        }
        to = tally_position(id, version + 1, from, n);
        was = passed(id, version, from);
        is = passed(id, version + 1, to);
    }
    __u32 ups = w->flags & BRINK_WATCH_UP ? is & ~was : 0;
    __u32 downs = w->flags & BRINK_WATCH_DOWN ? was & ~is : 0;
    bool counting = from == BRINK_POS_COUNTING; /* nothing has been said of it yet */
    __u64 records = counting ? 0 : 1 + popcount(ups) + popcount(downs);
    __u64 next = word_of(n, to, version + 1, word_record(word) + records, word_op(word) + 1);
    if (__sync_val_compare_and_swap(&t->word, word, next) != word)
        return -EAGAIN;
    t->budget = 0;
    if (counting)
        return 0;
    /* First the change itself. Levels stand where the new limit puts them, in the new order; one
     * that it makes dormant goes down last, from where the old one had it. */
    struct levels l = {
        .usage = n,
        .id = id,
        .what = BRINK_RECORD_CROSSING | BRINK_CAUSE_LIMIT << SAY_CAUSE | SAY_ACTED | SAY_UP |
                ((version + 1) & 1) << SAY_VERSION,
        .mask = ups,
        .number = (__u32)word_record(word) + 1,
    };
    say(id, BRINK_RECORD_LIMIT | SAY_ACTED, (__u32)word_record(word), n, old_limit);
    if (ups)
        bpf_loop(BRINK_MAX_LEVELS, say_level, &l, 0);
    if (!downs)
        return 0;
    __u32 alive = passed(id, version + 1, tally_position(id, version + 1, 0, BRINK_NEVER - 1));
    l.what ^= SAY_UP;
    l.mask = downs & alive;
    bpf_loop(BRINK_MAX_LEVELS, say_level, &l, 0);
    l.what ^= 1 << SAY_VERSION;
    l.mask = downs & ~alive;
    if (l.mask)
        bpf_loop(BRINK_MAX_LEVELS, say_level, &l, 0);
    return 0;
}

/* Looks at the limit of tally `id` and moves the levels that follow it. One writer of the bounds at
 * a time: who comes meanwhile leaves word (2), and the holder looks again. */
__noinline int tally_limit(__u32 id) {
    struct brink_tally* t = tally_of(id);
    if (!t)
        return -ENOENT;
    __u64 signal = t->signal;
    if (!signal || t->flags & BRINK_TALLY_AT_EXEC || __sync_lock_test_and_set(&t->lock, 2))
        return 0;
    for (int i = 0; i < TRIES; i++) {
        __sync_lock_test_and_set(&t->lock, 1);
        __u64 limit = limit_now(signal, t->kind, 0);
        __u64 old = t->limit;
        t->limit_hard = limit_now(signal, t->kind, 1);
        if (limit != old) {
            t->limit = limit;
            /* Nobody else changes the version. */
            limit_bounds(id, word_version(t->word) + 1);
            int error = -EAGAIN;
            for (int k = 0; k < 4 * TRIES && error == -EAGAIN; k++)
                error = limit_swap(id, *(volatile __u64*)&t->word, old);
            if (error == -EAGAIN) { /* brink is asked to try again */
                t->limit = old;
                unsettled();
            }
            if (!t->kind && 2 * (t->word & BRINK_COUNT_MASK) >= limit)
                tally_near(id);
        }
        if (__sync_val_compare_and_swap(&t->lock, 1, 0) == 1)
            return 0;
    }
    t->lock = 0;
    return -EAGAIN;
}

/* The first tally after `after` whose limit is another one now; 0: there is none. */
static long has_new_limit(__u32 i, __u32* id) {
    struct brink_tally* t = i < *id ? 0 : tally_of(i + 1);
    __u64 signal = t ? t->signal : 0;
    if (!signal || !t->table || limit_now(signal, t->kind, 0) == t->limit)
        return 0;
    *id = i + 1;
    return 1;
}

__noinline __u32 limit_changed(__u32 after) {
    __u32 id = after;
    bpf_loop(n_tallies - 1, has_new_limit, &id, 0);
    return id == after ? 0 : id;
}

/* A number of sysctl was written, through whatever mount of /proc. */
SEC("fexit/proc_sys_write")
int on_proc_sys_write(void* ctx) {
    follow_changed_limits();
    return 0;
}
