// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Processes come to match a selection, and cease to. Who is watched is what matches at this moment, and nothing else:
 * every change that can make a difference comes by here, in the task that makes it and before it goes on. Fork,
 * execve and exit are in process.bpf.c; here are the cgroup, the name, the user and the scheduling policy. */
#include "command.bpf.h"
#include "subject.bpf.h"

#define LOCKS 256
#define PATIENCE \
    4096 /* tries; who holds a lock is done within some microseconds, unless it is preempted */

/* The watches that are set by selection: which one each bit of a selector's `watches` stands for. */
__u32 selected_watch[BRINK_MAX_SELECTED] = {};

/* One at a time decides about a process, so that it is linked once: by hash of its id, held or not. */
__u32 deciding[LOCKS] = {};

struct locking {
    __u32 place;
    __u32 held;
};

static long try_lock(__u32 i, struct locking* l) {
    l->held = __sync_val_compare_and_swap(&deciding[l->place & (LOCKS - 1)], 0, 1) == 0;
    return l->held;
}

static __always_inline __u32 lock_of(__u32 tgid) {
    return (__u32)(index_hash(tgid) >> 32) & (LOCKS - 1);
}

/* ---- joining ------------------------------------------------------------------------------ */

/* Takes over the thresholds of a tally of the current process, whose child may be one like itself. */
static __always_inline bool copy_bounds(struct brink_tally* t) {
    struct walk w = {.tgid = (__u32)(bpf_get_current_pid_tgid() >> 32)};
    for (int i = 0; i < BRINK_MAX_PER_SUBJECT && w.place != INDEX_END; i++) {
        struct brink_tally* from = subject_next(&w);
        if (!from || from->watch != t->watch)
            continue;
        t->near_fd = from->near_fd;
        t->bounds[0] = from->bounds[word_version(from->word) & 1];
        return from->limit == t->limit && !from->lock;
    }
    return false;
}

#define WITHOUT_BOUNDS ((__u64)1 << 32)

/* A tally of `watch` for the process of main thread `task`, not linked yet; perhaps WITHOUT_BOUNDS. 0: there is no
 * room. */
__noinline __u64 selection_new(__u64 task, __u32 watch) {
    const struct task_struct* leader = (const void*)task;
    const struct brink_watch* w = bpf_map_lookup_elem(&watches, &watch);
    __u32 tgid = (__u32)BPF_CORE_READ(leader, tgid);
    __u32 id = 0;
    if (w && watches_of(tgid) < BRINK_MAX_PER_SUBJECT)
        id = tally_new(leader, tgid, tgid, watch,
                       w->flags & BRINK_WATCH_SCAN ? BRINK_TALLY_SCAN : 0);
    struct brink_tally* t = id ? tally_of(id) : 0;
    if (!t) {
        unwatched();
        return 0;
    }
    return copy_bounds(t) ? id : id | WITHOUT_BOUNDS;
}

/* Whether nothing can happen to the table of a process while its first count is taken. */
static __always_inline bool can_settle(const struct brink_tally* t, __u32 settling) {
    if (settling == SETTLE_IF_ALONE)
        return bpf_get_current_pid_tgid() >> 32 == t->tgid && (t->kind || users_of(t->table) == 1);
    return settling == SETTLE_AT_ONCE;
}

/* Links a tally to its process, and settles it or leaves that to the reader. */
__noinline int selection_link(__u64 task, __u32 id, __u32 settling) {
    const struct task_struct* leader = (const void*)task;
    struct brink_tally* t = tally_of(id);
    if (!t)
        return -ENOENT;
    __u64 table = value_object(task, t->kind);
    if (subject_begin(id, table)) {
        unwatched();
        return -ENOSPC;
    }
    /* Its table or its limit may have changed before that, or it may be past the hook of its end. */
    if (!table || value_object(task, t->kind) != table ||
        limit_now(t->signal, t->kind, 0) != t->limit ||
        !BPF_CORE_READ(leader, signal, live.counter)) {
        subject_leave(id);
        return -EAGAIN;
    }
    if (!can_settle(t, settling)) {
        __sync_fetch_and_add(&n_pending, 1);
        return wake_reader();
    }
    tally_start(id);
    if (!t->kind && 2 * usage_of(t) >= t->limit)
        tally_near(id);
    return 0;
}

/* Lets go of the watches that are not `wanted` of the process, and sets those that it lacks. Whether there were any. */
static __always_inline bool reconcile(__u64 task, __u32 tgid, __u64 wanted, __u32 settling) {
    struct walk w = {.tgid = tgid};
    __u64 lacking = wanted;
    bool changed = false;
    for (int i = 0; i < BRINK_MAX_PER_SUBJECT && w.place != INDEX_END; i++) {
        struct brink_tally* t = subject_next(&w);
        const struct brink_watch* watch = t ? watch_of(t) : 0;
        if (!watch || !watch->selected)
            continue;
        __u64 bit = (__u64)1 << ((watch->selected - 1) & (BRINK_MAX_SELECTED - 1));
        lacking &= ~bit;
        if (bit & wanted)
            continue;
        subject_leave(w.id);
        changed = true;
    }
    for (__u32 bit = 0; bit < BRINK_MAX_SELECTED && lacking >> bit; bit++) {
        __u64 made = lacking >> bit & 1 ? selection_new(task, selected_watch[bit]) : 0;
        if (!made)
            continue;
        if (made & WITHOUT_BOUNDS)
            limit_bounds((__u32)made, 0);
        selection_link(task, (__u32)made, settling);
        changed = true;
    }
    return changed;
}

/* One look at the process of main thread `task` (select_process()): 1, if something had to be changed. -EAGAIN: somebody
 * else was at it all the time. */
__noinline int select_once(__u64 task, __u32 settling, __u64 comm) {
    const struct task_struct* leader = (const void*)task;
    __u32 tgid = (__u32)BPF_CORE_READ(leader, tgid);
    /* The kernel's own, or one whose main thread ends before others: it stays what it was. */
    if (BPF_CORE_READ(leader, flags) & (PF_KTHREAD | PF_EXITING) || tgid == own_tgid)
        return 0;
    if (!selected_watches(task, comm) && !is_subject(tgid))
        return 0;
    struct locking l = {.place = lock_of(tgid), .held = unknown_zero};
    bpf_loop(PATIENCE, try_lock, &l, 0);
    if (!l.held) {
        unsettled();
        return -EAGAIN;
    }
    bool changed = reconcile(task, tgid, selected_watches(task, comm), settling);
    __sync_lock_test_and_set(&deciding[l.place & (LOCKS - 1)], 0);
    return changed;
}

/* ---- where it changes --------------------------------------------------------------------- */

struct task_struct___executing {
    unsigned in_execve : 1;
} CORE;

/* execve changes name and user on its way; it has a hook of its own, where all of it is done. */
static __always_inline bool in_execve(const struct task_struct* task) {
    const struct task_struct___executing* t = (const void*)task;
    return bpf_core_field_exists(t->in_execve) && BPF_CORE_READ_BITFIELD_PROBED(t, in_execve);
}

static __always_inline __u64 leader_of(__u64 task) {
    return (__u64)BPF_CORE_READ((const struct task_struct*)task, group_leader);
}

/* (cgroup, path, task, whether all its threads): it is there already. */
SEC("raw_tp/cgroup_attach_task")
int on_cgroup_attach(struct bpf_raw_tracepoint_args* ctx) {
    NOTED(select_process(leader_of(ctx->args[2]), SETTLE_IF_ALONE, 0));
    return 0;
}

/* (task, name): about to have it. What is said of the process is to say the new name: hence later. */
SEC("raw_tp/task_rename")
int on_rename(struct bpf_raw_tracepoint_args* ctx) {
    __u64 task = ctx->args[0];
    if (leader_of(task) != task || in_execve((const void*)task))
        return 0;
    NOTED(select_process(task, SETTLE_LATER, ctx->args[1]));
    return 0;
}

SEC("fexit/commit_creds")
int on_user(__u64* ctx) {
    __u64 task = bpf_get_current_task();
    if (!in_execve((const void*)task))
        NOTED(select_process(leader_of(task), SETTLE_IF_ALONE, 0));
    return 0;
}

/* The last thing that sched_setscheduler() and sched_setattr() do to a task. */
SEC("fentry/rt_mutex_adjust_pi")
int on_policy(__u64* ctx) {
    NOTED(select_process(leader_of(address_of((const void*)ctx[0])), SETTLE_IF_ALONE, 0));
    return 0;
}

/* ---- engine tracepoint -------------------------------------------------------------------- */

struct xarray {
    void* xa_head;
} CORE;

struct xa_node {
    unsigned char shift;
    void* slots[64];
} CORE;

struct idr {
    struct xarray idr_rt;
    unsigned int idr_base;
} CORE;

struct pid_namespace___numbered {
    struct idr idr;
} CORE;

#define MOST_NODES 6 /* of 64 entries each: 32 bits */

/* The task that has `number` in the pid namespace of the current one: find_task_by_vpid(). */
static __always_inline __u64 task_numbered(__u32 number) {
    const struct task_struct* task = (const void*)bpf_get_current_task();
    const struct pid* own = BPF_CORE_READ(task, thread_pid);
    const struct upid* numbered = number_at(own, BPF_CORE_READ(own, level));
    const struct pid_namespace___numbered* ns = (const void*)BPF_CORE_READ(numbered, ns);
    __u64 entry = (__u64)BPF_CORE_READ(ns, idr.idr_rt.xa_head);
    __u32 index = number - BPF_CORE_READ(ns, idr.idr_base);
    for (int i = 0; i < MOST_NODES && (entry & 3) == 2; i++) { /* xa_is_node() */
        const struct xa_node* node = (const void*)(entry - 2);
        __u64 at = index >> (BPF_CORE_READ(node, shift) & 31) & 63;
        if (bpf_probe_read_kernel(&entry, sizeof entry,
                                  (const void*)node + bpf_core_field_offset(struct xa_node, slots) +
                                      8 * at))
            return 0;
    }
    const struct pid* pid = (const void*)entry;
    const void* first = pid ? BPF_CORE_READ(pid, tasks[PIDTYPE_PID].first) : 0;
    return first ? (__u64)first - bpf_core_field_offset(struct task_struct, pid_links[PIDTYPE_PID])
                 : 0;
}

/* A system call has ended that can change the user of the caller, or the policy of any task: the main thread of the
 * process that it concerns. Of a 32-bit one only the caller is looked at. */
__noinline __u64 selection_concerned(void) {
    __u64 task = bpf_get_current_task();
    const struct task_struct* current = bpf_get_current_task_btf();
    __u64 call = system_call_of(current);
    if (call == NR_SCHED_SETSCHEDULER || call == NR_SCHED_SETATTR) {
        __u32 number = (__u32)call_argument(current, 0);
        __u64 other = number ? task_numbered(number) : task;
        task = other ? other : task;
    }
    return leader_of(task);
}

/* ---- asked by brink ----------------------------------------------------------------------- */

/* BRINK_COMMAND_SELECT, a program of its own for the same reason as in process.bpf.c. */
SEC("raw_tp")
int on_select(void* ctx) {
    commander = bpf_get_current_pid_tgid();
    const struct task_struct* task = task_behind(command.proc_fd);
    __u64 leader = task ? leader_of((__u64)task) : 0;
    answer.error = leader ? select_process(leader, SETTLE_IF_ALONE, 0) : -ESRCH;
    commander = 0;
    return 0;
}
