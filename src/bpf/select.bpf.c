// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Threads that nobody has named, but that match a selection: they are looked at when they wake, and get a slot. Those
 * that match no longer lose it. */
#include "latency.bpf.h"

#define SCHED_FIFO 1
#define SCHED_RR 2
#define SCHED_DEADLINE 6

__u32 n_cgroups __weak;
struct brink_selected_cgroup cgroups[BRINK_MAX_CGROUPS] __weak;

struct task_struct___policy {
    unsigned int policy;
} CORE;

struct cgroup___ancestors {
    struct cgroup* ancestors[1];
} CORE;

/* 6.1 (commit 7f203bc89eb6) made pointers of the numbers. */
struct cgroup___before_6_1 {
    __u64 ancestor_ids[1];
} CORE;

/* Functions of their own: inlined, the compiler would move the offset that does not exist to where it is loaded always. */
static __noinline __u64 ancestor_by_pointer(__u64 cgroup, __u32 level) {
    const struct cgroup* ancestor = 0;
    __u32 offset = bpf_core_field_offset(struct cgroup___ancestors, ancestors);
    bpf_probe_read_kernel(&ancestor, sizeof ancestor,
                          (const void*)(cgroup + offset + 8 * (__u64)level));
    return BPF_CORE_READ(ancestor, kn, id);
}

static __noinline __u64 ancestor_by_number(__u64 cgroup, __u32 level) {
    __u64 id = 0;
    __u32 offset = bpf_core_field_offset(struct cgroup___before_6_1, ancestor_ids);
    bpf_probe_read_kernel(&id, sizeof id, (const void*)(cgroup + offset + 8 * (__u64)level));
    return id;
}

/* The id of the cgroup at `level` above `cgroup`, which stands no higher than that. */
static __always_inline __u64 ancestor_id(const struct cgroup* cgroup, __u32 level) {
    const struct cgroup___ancestors* now = (const void*)cgroup;
    return bpf_core_field_exists(now->ancestors) ? ancestor_by_pointer((__u64)cgroup, level)
                                                 : ancestor_by_number((__u64)cgroup, level);
}

static __always_inline bool in_cgroups(const struct task_struct* task) {
    const struct cgroup* cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);
    const struct cgroup___level* own = (const void*)cgroup;
    __u32 level = (__u32)BPF_CORE_READ(own, level);
    for (__u32 i = 0; i < BRINK_MAX_CGROUPS && i < n_cgroups; i++)
        if (cgroups[i].level <= level && ancestor_id(cgroup, cgroups[i].level) == cgroups[i].id)
            return true;
    return false;
}

static __always_inline bool matches(__u64 address) {
    const struct task_struct___policy* scheduled = (const void*)address;
    const struct task_struct* task = (const void*)address;
    if (selects == BRINK_SELECTS_CGROUP)
        return in_cgroups(task);
    /* Of NONE: the cgroups are being written anew. */
    if (selects == BRINK_SELECTS_ALL || selects == BRINK_SELECTS_NONE)
        return true;
    __u32 policy = BPF_CORE_READ(scheduled, policy);
    return policy == SCHED_FIFO || policy == SCHED_RR || policy == SCHED_DEADLINE;
}

/* The slot that `task` gets; 0: it does not match. */
__noinline __u32 select_task(__u64 task) {
    if (BPF_CORE_READ((const struct task_struct*)task, flags) & PF_EXITING)
        return 0;
    return matches(task) ? sleeper_new(task, select_watches, BRINK_SLEEPER_SELECTED) : 0;
}

/* Whether the thread still matches. If not, it is let go of; the main thread speaks for the process. */
__noinline int keep_selected(__u32 slot) {
    struct brink_sleeper* s = sleeper_at(slot);
    if (!s)
        return 0;
    if (matches(s->task))
        return 1;
    sleeper_leave(slot, s->task == s->leader, BRINK_EXIT_UNSELECTED);
    return 0;
}
