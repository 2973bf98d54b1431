// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The moments of a wake-up: the timer's handler, the task becomes runnable, the task gets a processor. Each thread's own
 * come one after the other, whatever processors they happen on, so its slot needs no lock. */
#include "latency.bpf.h"

char license_[] SEC("license") = "Dual BSD/GPL";

__u32 bucket_tasks[1 << BUCKET_BITS];

/* Whether sched_switch says in what state the task before went; commit fa2c3254d7cf in 5.18 (and stable kernels). */
const volatile __u32 switch_says_state __weak = 1;

/* BRINK_WAKEUPS_MEASURE. What a clock_nanosleep(2) sleeps on is a hrtimer in a hrtimer_sleeper, with the task behind it;
 * of any other timer what stands there is no address of a task that has a slot. */
SEC("raw_tp/hrtimer_expire_entry")
int on_expire(struct bpf_raw_tracepoint_args* ctx) {
    const struct hrtimer_sleeper* sleeper = (const void*)ctx->args[0];
    __u64 task = (__u64)BPF_CORE_READ(sleeper, task);
    struct brink_sleeper* s = sleeper_at(slot_of(task));
    if (!s)
        return 0;
    s->handler = bpf_ktime_get_ns();
    s->expiry = BPF_CORE_READ(sleeper, timer._softexpires);
    s->timer_cpu = bpf_get_smp_processor_id();
    s->waking = s->running = 0;
    return 0;
}

struct task_struct___placed {
    int on_cpu; /* of kernels with more than one processor */
    int on_rq;
} CORE;

/* Whether `task` has not lost its processor, be it this one or another: it was about to sleep. How wide the fields are
 * depends on the kernel. */
static __always_inline bool still_runs(__u64 task) {
    const struct task_struct___placed* t = (const void*)task;
    if (task == bpf_get_current_task())
        return true;
    return bpf_core_field_exists(t->on_cpu) && BPF_CORE_READ_BITFIELD_PROBED(t, on_cpu) &&
           BPF_CORE_READ_BITFIELD_PROBED(t, on_rq);
}

SEC("raw_tp/sched_waking")
int on_waking(struct bpf_raw_tracepoint_args* ctx) {
    __u64 task = ctx->args[0];
    __u32 slot = slot_of(task);
    if (!slot && *(volatile __u32*)&selects)
        slot = select_task(task);
    struct brink_sleeper* s = sleeper_at(slot);
    if (!s || s->flags & BRINK_SLEEPER_AT_EXEC)
        return 0;
    if (s->flags & BRINK_SLEEPER_SELECTED && !keep_selected(slot))
        return 0;
    /* What it waits for on its way back from the sleep that is measured is no wake-up of its own. */
    if (mode == BRINK_WAKEUPS_MEASURE && s->waking)
        return 0;
    s->waking = bpf_ktime_get_ns();
    if (still_runs(task)) {
        s->cpu = bpf_get_smp_processor_id();
        s->running = s->waking;
        return 0;
    }
    s->running = 0;
    begin_waiting(s);
    return 0;
}

/* Whether the task that loses the processor stays runnable: it was woken while it was about to sleep. One that sleeps
 * has been woken after it had decided to, and waits. */
static __always_inline bool stays_runnable(const struct bpf_raw_tracepoint_args* ctx) {
    if (ctx->args[0]) /* preempted, in whatever state */
        return true;
    return switch_says_state ? !(__u32)ctx->args[3] : !task_state((const void*)ctx->args[1]);
}

SEC("raw_tp/sched_switch")
int on_switch(struct bpf_raw_tracepoint_args* ctx) {
    __u32 before = slot_of(ctx->args[1]), next = slot_of(ctx->args[2]);
    bool log = logging();
    if (!log && !before && !next)
        return 0;
    __u64 now = bpf_ktime_get_ns();
    if (log)
        log_switch(ctx->args[1], now);
    struct brink_sleeper* s = sleeper_at(before);
    if (s && s->waiting && stays_runnable(ctx) && end_waiting(s))
        s->running = s->waking;
    s = sleeper_at(next);
    if (!s || !end_waiting(s))
        return 0;
    s->cpu = bpf_get_smp_processor_id();
    s->running = now;
    __u64 latency = now - s->waking;
    if (mode == BRINK_WAKEUPS_WATCH && (latency >= lowest_level || s->above))
        judge(next, latency, BRINK_CAUSE_OPERATION);
    return 0;
}
