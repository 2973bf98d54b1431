/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The arithmetic of levels, without side effects: from a watch and a limit to thresholds, and
 * from a usage to a position among them. One text for the hooks in the kernel and for the poll
 * engine in user space, so that the two cannot disagree; tests/unit/bpf/levels_test.cpp covers it. */
#ifndef BRINK_LEVELS_H
#define BRINK_LEVELS_H

#include "wire.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* The usage at which a level stands under `limit` (units of the resource; ~0: unlimited), or
 * BRINK_NEVER where it cannot be reached: relative to no limit, or not above zero. */
static __always_inline brink_u64 brink_level_at(brink_u32 form, brink_u64 value, brink_u64 limit) {
    if (form == BRINK_LEVEL_ABSOLUTE)
        return value < BRINK_NEVER ? value : BRINK_NEVER;
    if (limit >= BRINK_NEVER)
        return BRINK_NEVER;
    if (form == BRINK_LEVEL_BELOW)
        return value < limit ? limit - value : BRINK_NEVER;
    /* ceil(limit * value / 100000) in two parts, so that it cannot overflow */
    brink_u64 whole = limit / 100000 * value;
    brink_u64 rest = (limit % 100000 * value + 99999) / 100000;
    return whole + rest ? whole + rest : BRINK_NEVER;
}

/* What levels are sorted by: the threshold, then the index; below 2^63 and unique. */
static __always_inline brink_u64 brink_level_key(const struct brink_watch* watch, brink_u32 i,
                                                 brink_u64 limit) {
    brink_u64 at = BRINK_NEVER;
    if (i < watch->n_levels && i < BRINK_MAX_LEVELS)
        at = brink_level_at(watch->levels[i].form, watch->levels[i].value, limit);
    return at << 6 | i;
}

/* Puts level `i` in its place. Ranks by counting smaller keys with plain arithmetic: no branch
 * depends on the values, which keeps the verifier's states few. */
static __always_inline void brink_place_level(struct brink_bounds* bounds, const brink_u64* key,
                                              brink_u32 i) {
    brink_u64 own = key[i & (BRINK_MAX_LEVELS - 1)];
    brink_u64 rank = 0;
    for (brink_u32 j = 0; j < BRINK_MAX_LEVELS; j++)
        rank += (key[j] - own) >> 63;
    rank &= BRINK_MAX_LEVELS - 1;
    bounds->at[rank + 1] = own >> 6;
    bounds->order[rank] = (brink_u8)i;
}

/* What stands beside the levels. `rearm`: its threshold, 0 for none; where forms were mixed and the
 * limit has turned them round, it is lowered. */
static __always_inline void brink_close_bounds(struct brink_bounds* bounds, brink_u64 rearm) {
    bounds->at[0] = 0;
    bounds->at[BRINK_MAX_LEVELS + 1] = BRINK_NEVER;
    bounds->rearm = rearm > bounds->at[1] ? bounds->at[1] : rearm;
}

static __always_inline brink_u64 brink_rearm_at(const struct brink_watch* watch, brink_u64 limit) {
    if (!(watch->flags & BRINK_WATCH_REARM))
        return 0;
    return brink_level_at(watch->rearm.form, watch->rearm.value, limit);
}

#ifdef __cplusplus
/* The thresholds of `watch` under `limit`. In BPF limit_bounds() does the same in smaller steps. */
inline void brink_set_bounds(brink_bounds* bounds, const brink_watch* watch, brink_u64 limit) {
    brink_u64 key[BRINK_MAX_LEVELS];
    for (brink_u32 i = 0; i < BRINK_MAX_LEVELS; i++)
        key[i] = brink_level_key(watch, i, limit);
    for (brink_u32 i = 0; i < BRINK_MAX_LEVELS; i++)
        brink_place_level(bounds, key, i);
    brink_close_bounds(bounds, brink_rearm_at(watch, limit));
}
#endif

/* The position after usage has become `n` (below BRINK_NEVER), coming from `position`
 * (0..BRINK_MAX_LEVELS): how many thresholds are at or below n; with rearm, what was passed before
 * stays passed until usage falls below it. Again without branches that depend on the values. */
static __always_inline brink_u32 brink_position(const struct brink_bounds* bounds,
                                                brink_u32 position, brink_u64 n) {
    brink_u64 reached = 0;
    for (brink_u32 i = 1; i <= BRINK_MAX_LEVELS; i++)
        reached += (bounds->at[i] - 1 - n) >> 63;
    brink_u32 p = (brink_u32)reached;
    if (bounds->rearm && n >= bounds->rearm && position > p)
        p = position;
    return p > BRINK_MAX_LEVELS ? BRINK_MAX_LEVELS : p;
}

#endif
