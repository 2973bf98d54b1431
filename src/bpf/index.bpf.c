// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The index away from the hot path: entries come and go, and are searched where a slot has several. */
#include "index.bpf.h"

#define CLAIMED 1 /* no key: an entry that is being filled, or cleared */

static __always_inline __u32 index_home(__u64 key) {
    return (__u32)(index_hash(key) >> 40) & index_mask;
}

static __always_inline struct brink_index_set* index_set(__u32 set) {
    return bpf_map_lookup_elem(&index_sets, &set);
}

static __always_inline __u64 slot_share(__u32 id) {
    return (__u64)id << 16 | 1;
}

static __always_inline int claim_way(struct brink_index_set* set, __u64 key, __u32 id) {
    for (int way = 0; way < BRINK_INDEX_WAYS; way++) {
        if (set->key[way] == 0 && __sync_val_compare_and_swap(&set->key[way], 0, CLAIMED) == 0) {
            set->tally[way] = id;
            __sync_fetch_and_add(&slots[index_hash(key) >> SLOT_SHIFT], slot_share(id));
            __sync_lock_test_and_set(&set->key[way], key);
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

/* Entries of one key stand in its home set or, where that is full, in the following ones. The
 * sets that are passed over are told first, so that nobody stops looking too early. */
__noinline int index_insert(__u64 key, __u32 id) {
    __u32 home = index_home(key);
    for (__u32 probe = 0; probe < BRINK_INDEX_PROBES; probe++) {
        struct brink_index_set* set = index_set((home + probe) & index_mask);
        if (!set)
            return -EINVAL;
        if (probe)
            index_spill(home, probe, 1);
        if (claim_way(set, key, id))
            return 0;
        if (probe)
            index_spill(home, probe, -1);
    }
    return -ENOSPC;
}

__noinline int index_remove(__u64 key, __u32 id) {
    __u32 home = index_home(key);
    for (__u32 probe = 0; key && probe < BRINK_INDEX_PROBES; probe++) {
        struct brink_index_set* set = index_set((home + probe) & index_mask);
        if (!set)
            return -EINVAL;
        for (int way = 0; way < BRINK_INDEX_WAYS; way++) {
            if (set->key[way] == key && set->tally[way] == id &&
                __sync_val_compare_and_swap(&set->key[way], key, CLAIMED) == key) {
                __sync_fetch_and_add(&slots[index_hash(key) >> SLOT_SHIFT], -slot_share(id));
                __sync_lock_test_and_set(&set->key[way], 0);
                if (probe)
                    index_spill(home, probe, -1);
                return 0;
            }
        }
    }
    return -ENOENT;
}

/* The next tally of `key` at or after place `from` of the places where its tallies can be: its id, and
 * above it << 32 the place after it. 0: there is none. */
__noinline __u64 index_search(__u64 key, __u32 from) {
    __u32 home = index_home(key);
    for (__u32 probe = 0; probe < BRINK_INDEX_PROBES; probe++) {
        struct brink_index_set* set = index_set((home + probe) & index_mask);
        if (!set)
            return 0;
        for (__u32 way = 0; way < BRINK_INDEX_WAYS; way++) {
            __u32 place = probe * BRINK_INDEX_WAYS + way;
            if (place >= from && set->key[way] == key)
                return (__u64)(place + 1) << 32 | set->tally[way];
        }
        if (!set->spill)
            return 0;
    }
    return 0;
}
