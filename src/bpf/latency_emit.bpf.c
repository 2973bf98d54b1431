// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where the latency of a wake-up stands among the levels, and the record where that is another place than that of the
 * wake-up before. Runs near levels only. */
#include "latency_log.bpf.h"
#include "levels.h"

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096); /* set before loading */
} late SEC(".maps") __weak;

static __always_inline void copy_log(struct brink_late_record* r) {
    __u32 cpu = bpf_get_smp_processor_id();
    const struct brink_cpu_log* log = bpf_map_lookup_elem(&logs, &cpu);
    if (!log)
        return;
    __u64 head = log->head, n = head < BRINK_LOG_TAIL ? head : BRINK_LOG_TAIL;
    for (__u32 i = 0; i < BRINK_LOG_TAIL && i < n; i++)
        r->entries[i] = log->entries[(head - n + i) & (BRINK_LOG_ENTRIES - 1)];
    r->n_entries = (__u32)n;
}

static __always_inline void fill(struct brink_record* r, const struct brink_sleeper* s) {
    bool thread = s->flags & BRINK_SLEEPER_THREAD;
    r->generation = s->generation;
    r->monotonic_ns = bpf_ktime_get_ns();
    r->start_time_ns = s->start_time_ns;
    r->limit = r->limit_hard = ~0ULL;
    r->pid = thread ? s->tid : s->tgid;
    r->ns_pid = thread ? s->ns_tid : s->ns_tgid;
    r->flags = (s->flags & BRINK_SLEEPER_NAMED ? BRINK_RECORD_NAMED : 0) |
               (thread ? BRINK_RECORD_THREAD : 0);
    struct view v = {.level = ns_level, .inum = ns_inum};
    fill_identity(r, (const void*)(thread ? s->task : s->leader), v);
}

static __always_inline void dropped(struct brink_sleeper* s) {
    __sync_fetch_and_add(&s->dropped, 1);
    __sync_fetch_and_add(&n_dropped, 1);
}

/* A process is reported when one of its threads is. */
static __always_inline void mark_reported(struct brink_sleeper* s) {
    s->flags |= BRINK_SLEEPER_REPORTED;
    struct brink_sleeper* leader = sleeper_at(slot_of(s->leader));
    if (leader)
        leader->flags |= BRINK_SLEEPER_REPORTED;
}

static __always_inline void emit_late(struct brink_sleeper* s, __u32 slot, __u32 watch, __u32 from,
                                      __u32 to, __u64 latency, __u32 cause) {
    struct brink_late_record* r = bpf_ringbuf_reserve(&late, sizeof *r, 0);
    if (!r) {
        dropped(s);
        return;
    }
    __builtin_memset(r, 0, __builtin_offsetof(struct brink_late_record, entries));
    r->record.type = BRINK_RECORD_CROSSING;
    r->record.tally = slot;
    r->record.watch = watch;
    r->record.usage = latency;
    r->record.cause = (__u8)cause;
    r->record.tid = s->tid;
    r->record.ns_tid = s->ns_tid;
    r->from = from;
    r->to = to;
    r->cpu = s->cpu;
    r->waking = s->waking;
    r->running = s->running;
    fill(&r->record, s);
    if (cause == BRINK_CAUSE_OPERATION)
        copy_log(r);
    bpf_ringbuf_submit(r, 0);
}

/* For the verifier, which does not see that `watch` is in range: a mask that the compiler cannot take away. */
static __always_inline __u32 place_of(__u32 watch) {
    asm volatile("" : "+r"(watch));
    return watch & (BRINK_LATE_WATCHES - 1);
}

__noinline int judge_watch(__u32 slot, __u32 watch, __u64 latency, __u32 cause) {
    struct brink_sleeper* s = sleeper_at(slot);
    __u32 key = watch;
    const struct brink_late_watch* w = bpf_map_lookup_elem(&late_watches, &key);
    if (!s || !w)
        return 0;
    __u8* position = &s->position[place_of(watch)];
    __u32 from = *position;
    __u32 to = latency < BRINK_NEVER ? brink_position(&w->bounds, from, latency) : from;
    if (to != from && w->flags & (to > from ? BRINK_WATCH_UP : BRINK_WATCH_DOWN)) {
        mark_reported(s);
        emit_late(s, slot, watch, from, to, latency, cause);
    }
    *position = (__u8)to;
    return (int)to;
}

__noinline int judge(__u32 slot, __u64 latency, __u32 cause) {
    struct brink_sleeper* s = sleeper_at(slot);
    if (!s)
        return 0;
    __u32 above = 0, watches = s->watches;
    for (__u32 watch = 0; watch < BRINK_LATE_WATCHES; watch++)
        if (watches & 1U << watch)
            above |= (__u32)judge_watch(slot, watch, latency, cause);
    s->above = above;
    return 0;
}

/* Of no thread: the reader is to look at the cgroups again. */
__noinline int emit_wake(void) {
    struct brink_late_record* r = bpf_ringbuf_reserve(&late, sizeof *r, 0);
    if (!r)
        return 0;
    __builtin_memset(r, 0, __builtin_offsetof(struct brink_late_record, entries));
    r->record.type = BRINK_RECORD_WAKE;
    bpf_ringbuf_submit(r, 0);
    return 0;
}

/* The subject of the thread is gone, or is watched no longer. */
__noinline int emit_exit(__u32 slot, __u32 watch, __u32 reason) {
    struct brink_sleeper* s = sleeper_at(slot);
    if (!s)
        return 0;
    struct brink_late_record* r = bpf_ringbuf_reserve(&late, sizeof *r, 0);
    if (!r) {
        dropped(s);
        return 0;
    }
    __builtin_memset(r, 0, __builtin_offsetof(struct brink_late_record, entries));
    r->record.type = BRINK_RECORD_EXIT;
    r->record.tally = slot;
    r->record.watch = watch;
    r->record.errno_value = reason;
    fill(&r->record, s);
    bpf_ringbuf_submit(r, 0);
    return 0;
}
