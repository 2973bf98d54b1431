/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The index: which tallies a descriptor table has (its address is the key), and which a process has
 * (subject_key()). Changed without locks, by claiming single entries. */
#ifndef BRINK_INDEX_BPF_H
#define BRINK_INDEX_BPF_H

#include "kernel.h"
#include "wire.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1); /* set before loading */
    __type(key, __u32);
    __type(value, struct brink_index_set);
} index_sets SEC(".maps") __weak;

const volatile __u32 index_mask __weak = 0;

/* The first look of a hook, in the programs' own data, where it costs one load: for every slot the
 * number of tallies whose keys hash to it, and the sum of their ids << 16. With one tally, the sum is
 * its id; with more, the sets tell them apart. One addition keeps both. */
#define SLOT_SHIFT 49
__u64 slots[1 << (64 - SLOT_SHIFT)] __weak;

extern int index_insert(__u64 key, __u32 id); /* index.bpf.c */
extern int index_remove(__u64 key, __u32 id);
extern __u64 index_search(__u64 key, __u32 from);

static __always_inline __u64 index_hash(__u64 key) {
    return key * 0x9e3779b97f4a7c15ull;
}

static __always_inline __u64 index_slot(__u64 key) {
    return slots[index_hash(key) >> SLOT_SHIFT];
}

static __always_inline bool slot_has_one(__u64 slot) {
    return (slot & 0xffff) == 1;
}

static __always_inline __u32 slot_id(__u64 slot) {
    return (__u32)(slot >> 16);
}

/* No address of the kernel, and not 0 or 1 (index.bpf.c). */
static __always_inline __u64 subject_key(__u32 tgid) {
    return (__u64)1 << 32 | tgid;
}

#define INDEX_END ~0u

/* 0, but the verifier does not know: before 6.7 it follows a callback of bpf_loop through one round only, and cuts
 * off the branches that this round cannot take. For what such a callback changes and then looks at. */
__u32 unknown_zero __weak;

/* The next tally of `key`, or of another key by accident: the caller compares. `place`, 0 at first, keeps
 * where the search is, INDEX_END when it is over. 0: there is none. */
static __always_inline __u32 index_next(__u64 key, __u32* place) {
    if (*place == 0) {
        __u64 slot = index_slot(key);
        if (!slot || slot_has_one(slot)) {
            *place = INDEX_END;
            return slot_id(slot);
        }
    }
    __u64 found = index_search(key, *place);
    *place = found ? (__u32)(found >> 32) : INDEX_END;
    return (__u32)found;
}

#endif
