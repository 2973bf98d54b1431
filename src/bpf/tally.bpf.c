// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tallies away from the hot path: a level is crossed, a count is due, a tally comes into force. Every
 * change of a tally is one compare-and-swap of its word (wire.h), so that its records are numbered
 * in the order in which the changes took effect. */
#include "levels.h"
#include "tally.bpf.h"

#define TRIES 64

/* The sum of changes in a word that is counting: a signed number of BRINK_COUNT_BITS bits. */
static __always_inline __s64 word_delta(__u64 word) {
    return (__s64)(word << (64 - BRINK_COUNT_BITS)) >> (64 - BRINK_COUNT_BITS);
}

/* brink_position() under bounds `version`, coming from `from`. Like every function here that is not
 * inlined it takes numbers only: the verifier then looks at it once, not once for every caller. */
__noinline __u32 tally_position(__u32 id, __u32 version, __u32 from, __u64 n) {
    struct brink_tally* t = tally_of(id);
    if (!t || (from == 0 && n < t->bounds[version & 1].at[1]))
        return 0;
    return brink_position(&t->bounds[version & 1], from, n);
}

struct range {
    __u64 usage;
    __u32 id;
    __u32 what;
    __u32 number;
    __u32 position;
};

static long say_next(__u32 i, struct range* r) {
    say(r->id, r->what | (r->position & 0xff) << SAY_POSITION, r->number++, r->usage, 0);
    r->position += r->what & SAY_UP ? 1 : -1;
    return 0;
}

/* Records for everything between positions `from` and `to`: upwards ascending, downwards
 * descending; numbered from that of `word`. */
__noinline int say_range(__u32 id, __u32 what, __u64 word, __u32 from_to, __u64 usage) {
    __u32 from = from_to & 0xff, to = from_to >> 8 & 0xff;
    bool up = to > from;
    struct range r = {
        .usage = usage,
        .id = id,
        .what = what | (word_version(word) & 1) << SAY_VERSION | (up ? SAY_UP : 0),
        .number = (__u32)word_record(word),
        .position = up ? from + 1 : from,
    };
    bpf_loop(up ? to - from : from - to, say_next, &r, 0);
    return 0;
}

/* Takes the tally from `word` to a usage of `n`, by way of `via` (the usage before the operation
 * where that is known, else n). -EAGAIN: the word has moved, nothing was done. */
__noinline int tally_apply(__u32 id, __u64 word, __u64 via, __u64 n, __u32 cause) {
    struct brink_tally* t = tally_of(id);
    const struct brink_watch* w = t ? watch_of(t) : 0;
    if (!t || !w)
        return -ENOENT;
    __u32 version = word_version(word);
    __u32 from = word_position(word);
    if (via != n) {
        /* The way down to it was not seen; a way up would have been. */
        __u32 before = tally_position(id, version, from, via);
        from = before < from ? before : from;
    }
    __u32 to = tally_position(id, version, from, n);
    __u32 records = 0;
    if (to > from && w->flags & BRINK_WATCH_UP)
        records = to - from;
    else if (to < from && w->flags & BRINK_WATCH_DOWN)
        records = from - to;
    __u64 next = word_of(n, to, version, word_record(word) + records, word_op(word) + 1);
    if (__sync_val_compare_and_swap(&t->word, word, next) != word)
        return -EAGAIN;
    if (!records)
        return 0;
    /* Who looks at an address space releases its lock, too. */
    bool acted = !t->kind || bpf_get_current_pid_tgid() >> 32 == t->tgid ||
                 (brink_is_shared(t->kind) && shared_acted(t->kind));
    say_range(id, BRINK_RECORD_CROSSING | (cause & 0xf) << SAY_CAUSE | (acted ? SAY_ACTED : 0),
              word, from | to << 8, n);
    return 0;
}

/* +1 or -1 where a level is crossed, a first count is pending, or another CPU was faster. */
__noinline int tally_step(__u32 id, __s32 delta) {
    struct brink_tally* t = tally_of(id);
    if (!t)
        return -ENOENT;
    for (int i = 0; i < TRIES; i++) {
        __u64 word = t->word;
        __u64 n = word + (__u64)(__s64)delta & BRINK_COUNT_MASK;
        if (word_position(word) == BRINK_POS_COUNTING) {
            __u64 next = word_of(n, BRINK_POS_COUNTING, word_version(word), word_record(word),
                                 word_op(word) + 1);
            if (__sync_val_compare_and_swap(&t->word, word, next) == word)
                return 0;
        } else if (delta < 0 && (word & BRINK_COUNT_MASK) == 0) {
            break; /* the count was too low */
        } else if (tally_apply(id, word, n, n, BRINK_CAUSE_OPERATION) != -EAGAIN) {
            return 0;
        }
    }
    unsettled();
    return -EAGAIN;
}

/* How far usage can move before a level may be crossed, given that it lies in [low, high] and that
 * `in_flight` changes may not show yet. */
static __always_inline __s32 budget_for(const struct brink_bounds* b, __u32 position, __u64 low,
                                        __u64 high, __u32 in_flight) {
    if (position > BRINK_MAX_LEVELS)
        return 0;
    __u64 down = b->rearm ? b->rearm : b->at[position];
    __u64 room = b->at[position + 1] - high;
    if (position > 0 && low - down < room)
        room = low - down;
    if (room > 1 << 20)
        room = 1 << 20;
    return (__s32)room - (__s32)in_flight;
}

/* One attempt of tally_recount. */
__noinline int recount_once(__u32 id, __u32 installing) {
    struct brink_tally* t = tally_of(id);
    if (!t)
        return -ENOENT;
    installing = installing ? 1 : 0;
    __u64 ticket = (__u64)1 << BRINK_OP_SHIFT;
    __u64 word = __sync_fetch_and_add(&t->word, ticket) + ticket;
    __u32 position = word_position(word), version = word_version(word), now = position;
    if (position == BRINK_POS_COUNTING)
        return 0;
    __s32 budget = t->budget;
    __u64 table = t->table;
    __u32 others = users_of(table) - 1;
    __u32 reserved = 2 * (others + installing);
    /* do_dup2 is hooked before it sets the bit, fd_install after: count the one to come anyway. */
    __u64 high = (__u32)scan_table(table, 0) + installing;
    __u64 low = high > reserved + installing ? high - reserved - installing : 0;
    if (!reserved || tally_position(id, version, position, low) != position ||
        tally_position(id, version, position, high) != position) {
        __u64 bits = high;
        high = reserved ? (__u32)scan_table(table, 1) + installing : high;
        low = high - installing;
        /* Installs of other threads may be under way that no hook will see again: look once more. */
        if (others && tally_position(id, version, position, bits) >
                          tally_position(id, version, position, high)) {
            unsettled();
        }
        if (tally_apply(id, word, low, high, BRINK_CAUSE_OPERATION) == -EAGAIN)
            return -EAGAIN;
        now = tally_position(id, version, position, high);
    } else if (*(volatile __u64*)&t->word != word) {
        return -EAGAIN;
    }
    __s32 next = installing && now ? 0
                                   : budget_for(&t->bounds[version & 1], now, low, high, others);
    __sync_val_compare_and_swap(&t->budget, budget, next);
    return 0;
}

/* Recounts a tally of the scanning kind. `installing`: a hook runs before one descriptor is
 * installed; else: after a system call. Bits that are set but hold no file yet are few: while no
 * level lies among them the bitmap answers, which is far cheaper than looking at the files. */
__noinline int tally_recount(__u32 id, __u32 installing) {
    for (int i = 0; i < TRIES; i++) {
        if (recount_once(id, installing) != -EAGAIN)
            return 0;
    }
    unsettled();
    return -EAGAIN;
}

/* One sample of a table whose tally counts: installed descriptors less the changes counted since
 * the tally was linked. A close that the table shows already and its hook does not yet, or an
 * install the other way round, make a sample too small, never too large: the largest of several
 * samples is the true base (docs/adr/0001-counting.md). Negative: a change came between, try again.
 * `exact`: as for scan_table(). */
__noinline int tally_sample(__u32 id, int exact) {
    struct brink_tally* t = tally_of(id);
    if (!t)
        return -ENOENT;
    __u64 word = *(volatile __u64*)&t->word;
    __u64 n = (__u32)scan_table(t->table, exact);
    if (*(volatile __u64*)&t->word != word)
        return -EAGAIN;
    __s64 base = (__s64)n - word_delta(word);
    return base < 0 ? 0 : (int)base & 0x7fffffff;
}

/* Settles a counting tally on `base`, or on the number that the kernel keeps, and says `initial` for every level at or below the usage. */
__noinline int tally_commit(__u32 id, __u64 base) {
    struct brink_tally* t = tally_of(id);
    if (!t)
        return -ENOENT;
    for (int i = 0; i < TRIES; i++) {
        __u64 word = *(volatile __u64*)&t->word;
        if (word_position(word) != BRINK_POS_COUNTING)
            return -EINVAL;
        __u64 n = t->kind ? value_read(t->table, t->kind) : base + (__u64)word_delta(word);
        __u32 to = tally_position(id, word_version(word), 0, n);
        __u64 next = word_of(n, to, word_version(word), word_record(word) + to, word_op(word) + 1);
        if (__sync_val_compare_and_swap(&t->word, word, next) != word)
            continue;
        if (!to)
            return 0;
        __u32 acted = bpf_get_current_pid_tgid() >> 32 == t->pid ? SAY_ACTED : 0;
        say_range(id, BRINK_RECORD_INITIAL | acted, word, to << 8, n);
        return 0;
    }
    return -EAGAIN;
}

/* Samples and settles at once. Exact where nobody else can be at work on the table: a child before
 * its first instruction, a process in execve. No open is under way there, and the bitmap will do:
 * dup_fd leaves reserved numbers out of the copy. */
__noinline int tally_start(__u32 id) {
    struct brink_tally* t = tally_of(id);
    if (!t)
        return -ENOENT;
    if (t->kind)
        return tally_commit(id, 0);
    bool alone = users_of(t->table) == 1;
    int base = -1;
    for (int i = 0; i < 16 && !(alone && base >= 0); i++) {
        int sample = tally_sample(id, !alone);
        if (sample > base)
            base = sample;
    }
    return base < 0 ? -EAGAIN : tally_commit(id, (__u64)base);
}

/* Settles on what `table` holds now; 0: nothing, as the subject is gone. The caller has made sure
 * that no hook changes the tally meanwhile. */
__noinline int tally_settle(__u32 id, __u64 table, __u32 cause) {
    struct brink_tally* t = tally_of(id);
    if (!t)
        return -ENOENT;
    for (int i = 0; i < TRIES; i++) {
        __u64 word = t->word;
        if (word_position(word) == BRINK_POS_COUNTING)
            return 0;
        __u64 n = table ? held_by(table, t->kind) : 0;
        if (tally_apply(id, word, n, n, cause) != -EAGAIN)
            return 0;
    }
    return -EAGAIN;
}

/* Refusals (EMFILE) come only when all numbers below the limit are taken. Looking for them costs a
 * hook on every open, so that hook is asked for once a number from the upper half is installed. */
__noinline int tally_near(__u32 id) {
    struct brink_tally* t = tally_of(id);
    if (!t)
        return -ENOENT;
    __u32 before = t->near_fd;
    t->near_fd = ~0u;
    int error = say(id, BRINK_RECORD_NEAR, 0, 0, 0);
    if (error)
        t->near_fd = before; /* there was no room: ask again */
    return error;
}
