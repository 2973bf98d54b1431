// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How threads get their slots and lose them: by a command of brink, as children of watched threads, at exec and exit. */
#include "latency.bpf.h"

struct brink_enrol enrol __weak;
__u32 is_full __weak; /* no slot was left, and that was counted */

static __always_inline void fill_task(struct brink_sleeper* s, const struct task_struct* task) {
    s->leader = (__u64)BPF_CORE_READ(task, group_leader);
    s->tid = (__u32)BPF_CORE_READ(task, pid);
    s->tgid = (__u32)BPF_CORE_READ(task, tgid);
    const struct task_struct* leader = (const void*)s->leader;
    s->ns_tid = ns_level ? number_in_ns(task) : s->tid;
    s->ns_tgid = ns_level ? number_in_ns(leader) : s->tgid;
    s->start_time_ns = start_time_ns(s->flags & BRINK_SLEEPER_THREAD ? task : leader);
}

/* The slot of `task`, new or not; 0: there is none left. */
__noinline __u32 sleeper_new(__u64 task, __u32 watches, __u32 flags) {
    __u32 slot = 0;
    if (bpf_map_pop_elem(&free_slots, &slot)) {
        /* A thread that matches a selection tries again whenever it wakes. */
        if (!(flags & BRINK_SLEEPER_SELECTED) || !__sync_lock_test_and_set(&is_full, 1))
            __sync_fetch_and_add(&n_unwatched, 1);
        return 0;
    }
    struct brink_sleeper* s = sleeper_at(slot);
    if (!s)
        return 0;
    __u32 generation = s->generation + 1;
    __builtin_memset(s, 0, sizeof *s);
    s->generation = generation;
    s->watches = (__u16)watches;
    s->flags = flags;
    fill_task(s, (const void*)task);
    s->task = task;
    if (bpf_map_update_elem(&slot_by_task, &task, &slot, BPF_NOEXIST)) { /* it has one already */
        s->task = 0;
        bpf_map_push_elem(&free_slots, &slot, 0);
        return slot_of(task);
    }
    __sync_fetch_and_add(bucket_of(task), 1);
    return slot;
}

/* Gives the slot back. */
__noinline int sleeper_end(__u32 slot) {
    struct brink_sleeper* s = sleeper_at(slot);
    if (!s)
        return 0;
    __u64 task = s->task;
    if (!task || bpf_map_delete_elem(&slot_by_task, &task))
        return 0;
    __sync_fetch_and_add(bucket_of(task), -1);
    end_waiting(s);
    s->task = 0;
    bpf_map_push_elem(&free_slots, &slot, 0);
    is_full = 0;
    return 0;
}

/* It stands above no level any more; `gone`: so does its subject, which is told if it was ever spoken of. `reason`: enum
 * brink_exit_reason. */
__noinline int sleeper_leave(__u32 slot, __u32 gone, __u32 reason) {
    struct brink_sleeper* s = sleeper_at(slot);
    if (!s)
        return 0;
    if (s->above)
        judge(slot, 0, BRINK_CAUSE_EXIT);
    __u32 watches = s->watches;
    if (gone && s->flags & (BRINK_SLEEPER_NAMED | BRINK_SLEEPER_REPORTED))
        for (__u32 watch = 0; watch < BRINK_LATE_WATCHES; watch++)
            if (watches & 1U << watch)
                emit_exit(slot, watch, reason);
    return sleeper_end(slot);
}

/* In the context of brink: a slot for the task behind a descriptor of it, or for the calling thread. */
SEC("raw_tp")
int on_enrol(void* ctx) {
    const struct task_struct* self = (const void*)bpf_get_current_task();
    const struct cgroup___level* own = (const void*)BPF_CORE_READ(self, cgroups, dfl_cgrp);
    learn_namespace();
    enrol.cgroup_level = (__u32)BPF_CORE_READ(own, level);
    if (enrol.proc_fd < -1)
        return 0;
    const struct task_struct* task = enrol.proc_fd < 0 ? self : task_behind(enrol.proc_fd);
    enrol.error = -ESRCH;
    enrol.slot = 0;
    if (!task || BPF_CORE_READ(task, flags) & PF_EXITING)
        return 0;
    __u32 slot = slot_of((__u64)task);
    if (!slot)
        slot = sleeper_new((__u64)task, enrol.watches, enrol.flags);
    struct brink_sleeper* s = sleeper_at(slot);
    enrol.error = -ENOSPC;
    if (!s)
        return 0;
    s->watches |= (__u16)enrol.watches;
    s->flags |= enrol.flags;
    enrol.slot = slot;
    enrol.error = 0;
    /* It may have passed the hook of its exit before the slot was there. */
    if (BPF_CORE_READ(task, flags) & PF_EXITING) {
        sleeper_end(slot);
        enrol.error = -ESRCH;
    }
    return 0;
}

SEC("raw_tp/sched_process_fork")
int on_sleeper_fork(struct bpf_raw_tracepoint_args* ctx) {
    __u64 child = ctx->args[1];
    __u32 stale = slot_of(child); /* of a task that had this address, and whose exit was not seen */
    if (stale)
        sleeper_end(stale);
    struct brink_sleeper* s = sleeper_at(slot_of(ctx->args[0]));
    if (!s || s->flags & (BRINK_SLEEPER_AT_EXEC | BRINK_SLEEPER_SELECTED))
        return 0;
    const struct task_struct* born = (const void*)child;
    __u32 flags = s->flags & BRINK_SLEEPER_NAMED, watches = s->watches;
    if ((__u32)BPF_CORE_READ(born, tgid) == s->tgid) { /* a thread */
        if (s->flags & BRINK_SLEEPER_THREAD)
            return 0;
    } else {
        watches &= inherited_watches;
        flags = 0;
    }
    if (watches)
        sleeper_new(child, watches, flags);
    return 0;
}

/* A thread that executes a program becomes the leader of its process. */
SEC("raw_tp/sched_process_exec")
int on_sleeper_exec(void* ctx) {
    __u64 task = bpf_get_current_task();
    struct brink_sleeper* s = sleeper_at(slot_of(task));
    if (!s)
        return 0;
    fill_task(s, (const void*)task);
    s->flags &= ~BRINK_SLEEPER_AT_EXEC;
    return 0;
}

/* A new cgroup may be among those that are selected: whoever reads the records looks. */
SEC("raw_tp/cgroup_mkdir")
int on_cgroup_mkdir(void* ctx) {
    if (selects == BRINK_SELECTS_CGROUP)
        emit_wake();
    return 0;
}

/* The last thread of a process speaks for it; a thread that was named speaks for itself. */
SEC("raw_tp/sched_process_exit")
int on_sleeper_exit(void* ctx) {
    const struct task_struct* task = (const void*)bpf_get_current_task();
    __u32 slot = slot_of((__u64)task);
    struct brink_sleeper* s = sleeper_at(slot);
    if (!s)
        return 0;
    struct brink_sleeper* leader = sleeper_at(slot_of(s->leader));
    if (leader)
        s->flags |= leader->flags & BRINK_SLEEPER_REPORTED;
    return sleeper_leave(slot,
                         s->flags & BRINK_SLEEPER_THREAD ||
                             !BPF_CORE_READ(task, signal, live.counter),
                         BRINK_EXIT_ENDED);
}
