/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Threads whose wake-ups are observed: the slots, and the way from a task to its slot. A task that nobody watches
 * costs one multiplication and one load: it is known by its address, which a raw tracepoint has at hand, while
 * its number would have to be read from it. */
#ifndef BRINK_LATENCY_BPF_H
#define BRINK_LATENCY_BPF_H

#include "identity.bpf.h"
#include "kernel.h"
#include "latency.h"

#define BUCKET_BITS 12

/* Slot 0 stays unused: 0 means "none". Sizes are set before loading. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct brink_sleeper);
} sleepers SEC(".maps") __weak;

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1);
    __type(key, __u64);
    __type(value, __u32);
} slot_by_task SEC(".maps") __weak;

/* A queue, so that a slot rests as long as possible before it is used anew. */
struct {
    __uint(type, BPF_MAP_TYPE_QUEUE);
    __uint(max_entries, 1);
    __type(value, __u32);
} free_slots SEC(".maps") __weak;

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, BRINK_LATE_WATCHES);
    __type(key, __u32);
    __type(value, struct brink_late_watch);
} late_watches SEC(".maps") __weak;

const volatile __u32 mode __weak = BRINK_WAKEUPS_MEASURE;

/* By hash of the address: how many tasks have a slot. Defined once: a weak copy in each file would be room in each. */
extern __u32 bucket_tasks[1 << BUCKET_BITS];

__u32 n_waiting __weak;                  /* threads with a slot that wait for a processor */
__u32 selects __weak;                    /* enum brink_selects */
__u32 inherited_watches __weak;          /* those with BRINK_WATCH_INHERIT */
__u32 select_watches __weak;             /* watches that the selection is of */
__u64 lowest_level __weak = BRINK_NEVER; /* of all watches */
__u64 n_dropped __weak;                  /* records */
__u64 n_unwatched __weak;                /* threads that found no free slot */

/* Functions of other files. */
extern int judge(__u32 slot, __u64 latency, __u32 cause); /* latency_emit.bpf.c */
extern int emit_wake(void);
extern int emit_exit(__u32 slot, __u32 watch, __u32 reason);
extern int log_switch(__u64 task, __u64 ns);                      /* latency_log.bpf.c */
extern __u32 sleeper_new(__u64 task, __u32 watches, __u32 flags); /* sleeper.bpf.c */
extern int sleeper_leave(__u32 slot, __u32 gone, __u32 reason);
extern __u32 select_task(__u64 task); /* select.bpf.c */
extern int keep_selected(__u32 slot);

struct cgroup___level {
    int level;
} CORE;

static __always_inline __u32* bucket_of(__u64 task) {
    return &bucket_tasks[task * 0x9e3779b97f4a7c15ULL >> (64 - BUCKET_BITS)];
}

static __always_inline __u32 slot_of(__u64 task) {
    if (!*(volatile __u32*)bucket_of(task))
        return 0;
    __u32* slot = bpf_map_lookup_elem(&slot_by_task, &task);
    return slot ? *slot : 0;
}

static __always_inline struct brink_sleeper* sleeper_at(__u32 slot) {
    return slot ? bpf_map_lookup_elem(&sleepers, &slot) : 0;
}

static __always_inline void begin_waiting(struct brink_sleeper* s) {
    if (!__sync_lock_test_and_set(&s->waiting, 1))
        __sync_fetch_and_add(&n_waiting, 1);
}

static __always_inline bool end_waiting(struct brink_sleeper* s) {
    if (!__sync_lock_test_and_set(&s->waiting, 0))
        return false;
    __sync_fetch_and_add(&n_waiting, -1);
    return true;
}

/* Whether what processors do is to be written down now. */
static __always_inline bool logging(void) {
    return mode == BRINK_WAKEUPS_MEASURE || *(volatile __u32*)&n_waiting;
}

#endif
