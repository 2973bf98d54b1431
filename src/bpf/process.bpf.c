// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Processes come, execute and go. The raw tracepoints of the scheduler serve both engines. From 7.0 on
 * their programs can be preempted, and are left out for others meanwhile: there engine `kernel` has
 * kprobe.multi on functions that come by at the same time, in the same task (_kprobe). */
#include "subject.bpf.h"

/* A child starts with its parent's thresholds: fork copies the limits. `same`: its table, too, holds what the parent's
 * does. */
__noinline int inherit(__u32 parent, __u64 child, __u32 pid, __u32 same) {
    struct brink_tally* from = tally_of(parent);
    if (!from)
        return -ENOENT;
    const struct task_struct* task = (const void*)child;
    __u32 id = tally_new(task, pid, pid, from->watch, from->flags & BRINK_TALLY_SCAN);
    struct brink_tally* t = id ? tally_of(id) : 0;
    if (!t) {
        unwatched();
        return -ENOSPC;
    }
    t->serial = from->serial; /* another watch may have its number by now */
    t->near_fd = from->near_fd;
    t->bounds[0] = from->bounds[word_version(from->word) & 1];
    if (subject_begin(id, value_object(child, t->kind))) {
        unwatched();
        return -ENOSPC;
    }
    if (t->limit != from->limit || from->lock) /* it is being changed in this very moment */
        limit_bounds(id, 0);
    __u64 word = from->word;
    if (same && !(t->kind || t->flags & BRINK_TALLY_SCAN) &&
        word_position(word) != BRINK_POS_COUNTING)
        return tally_commit(id, word & BRINK_COUNT_MASK);
    return tally_start(id);
}

/* Whether a child of `parent`, which is in fork, has as many descriptors: nobody else was at work on the table while it was
 * copied, and no pidfd of the child was installed after that. The flags of clone3(2) are in user memory. */
static __always_inline bool copies_all(const struct task_struct* parent) {
    __u64 call = system_call_of(parent);
    if (!parent->files || parent->files->count.counter != 1)
        return false;
    if (call == NR_CLONE)
        return !(call_argument(parent, 0) & CLONE_PIDFD);
    return call == NR_FORK || call == NR_VFORK;
}

/* Fork, execve and exit have a program more each (_selecting), which holds the process against the selections: for the
 * verifier that is more than all the rest, so it is loaded only where there are any. */

/* `address`: the child's task, before its first instruction. */
static __always_inline void forks(__u64 address, bool selecting) {
    const struct task_struct* parent = bpf_get_current_task_btf();
    const struct task_struct* child = (const void*)address;
    struct walk w = {.tgid = (__u32)parent->tgid};
    __u32 born = (__u32)BPF_CORE_READ(child, tgid);
    if (selecting && n_selectors && born != w.tgid)
        select_process(address, SETTLE_AT_ONCE, 0);
    if (!is_subject(w.tgid))
        return;
    if (born == w.tgid) { /* a thread */
        count(address_of(parent->signal), CHANGE_VALUE, 0);
        return;
    }
    bool copies = copies_all(parent);
    for (int i = 0; i < BRINK_MAX_PER_SUBJECT && w.place != INDEX_END; i++) {
        struct brink_tally* t = subject_next(&w);
        if (!t || t->flags & BRINK_TALLY_AT_EXEC)
            continue;
        if (t->flags & BRINK_TALLY_THREAD && t->pid != (__u32)parent->pid)
            continue;
        struct brink_watch* watch = watch_of(t);
        if (watch && watch->flags & BRINK_WATCH_INHERIT)
            inherit(w.id, address, born, copies && t->table == address_of(parent->files));
    }
}

SEC("raw_tp/sched_process_fork")
int on_fork(struct bpf_raw_tracepoint_args* ctx) {
    NOTED(forks(ctx->args[1], false));
    return 0;
}

SEC("raw_tp/sched_process_fork")
int on_fork_selecting(struct bpf_raw_tracepoint_args* ctx) {
    NOTED(forks(ctx->args[1], true));
    return 0;
}

SEC("kprobe.multi/wake_up_new_task")
int on_fork_kprobe(struct pt_regs* ctx) {
    forks(argument(ctx, 0), false);
    return 0;
}

SEC("kprobe.multi/wake_up_new_task")
int on_fork_selecting_kprobe(struct pt_regs* ctx) {
    forks(argument(ctx, 0), true);
    return 0;
}

__noinline int come_into_force(__u32 id, __u64 table) {
    struct brink_tally* t = tally_of(id);
    if (!t)
        return -ENOENT;
    limit_read(id);
    limit_bounds(id, 0);
    t->flags &= ~BRINK_TALLY_AT_EXEC;
    t->table = table;
    if (index_insert(table, id))
        unwatched();
    tally_start(id);
    if (!t->kind && 2 * usage_of(t) >= t->limit)
        tally_near(id);
    return say(id, BRINK_RECORD_ARMED, next_number(t), 0, 0);
}

/* The current task is past the point of no return of execve: alone in its process, its tables its own,
 * what is marked close-on-exec closed, its ids those of the new program. */
static __always_inline void executes(__u64 binprm, bool selecting) {
    const struct task_struct* task = bpf_get_current_task_btf();
    __u32 tgid = (__u32)task->tgid;
    struct walk w = {.tgid = tgid};
    if (is_subject(tgid))
        owner_check((__u64)BPF_CORE_READ(task, real_cred),
                    BPF_CORE_READ_BITFIELD_PROBED((const struct linux_binprm*)binprm, secureexec));
    for (int i = 0; i < BRINK_MAX_PER_SUBJECT && w.place != INDEX_END; i++) {
        struct brink_tally* t = subject_next(&w);
        if (!t)
            continue;
        if (t->flags & BRINK_TALLY_THREAD && t->pid != tgid) {
            if (t->leader == address_of(task)) /* de_thread: this thread has become the leader */
                subject_end(w.id);
            continue;
        }
        t->leader = address_of(task);
        __u64 table = value_object(t->leader, t->kind);
        if (t->flags & BRINK_TALLY_AT_EXEC)
            come_into_force(w.id, table);
        else
            subject_move(w.id, table);
        if (t->kind) /* execve can change RLIMIT_STACK */
            tally_limit(w.id);
        /* The reader, who was to settle it, may have counted a table that is no longer the process's. */
        if (word_position(t->word) == BRINK_POS_COUNTING)
            tally_start(w.id);
    }
    if (selecting && n_selectors)
        select_process(address_of(task), SETTLE_AT_ONCE, 0);
}

SEC("raw_tp/sched_process_exec")
int on_exec(struct bpf_raw_tracepoint_args* ctx) {
    NOTED(executes(ctx->args[2], false));
    return 0;
}

SEC("raw_tp/sched_process_exec")
int on_exec_selecting(struct bpf_raw_tracepoint_args* ctx) {
    NOTED(executes(ctx->args[2], true));
    return 0;
}

SEC("kprobe.multi/security_bprm_committed_creds")
int on_exec_kprobe(struct pt_regs* ctx) {
    executes(argument(ctx, 0), false);
    return 0;
}

SEC("kprobe.multi/security_bprm_committed_creds")
int on_exec_selecting_kprobe(struct pt_regs* ctx) {
    executes(argument(ctx, 0), true);
    return 0;
}

__noinline int leave_table(__u32 id) {
    struct brink_tally* t = tally_of(id);
    if (!t)
        return -ENOENT;
    index_remove(t->table, id);
    t->table = 0;
    return tally_settle(id, 0, BRINK_CAUSE_EXIT);
}

struct task_struct___scheduled {
    unsigned int policy;
} CORE;

/* Whether `task` has another scheduling policy than SCHED_OTHER. */
static __always_inline bool has_policy(const struct task_struct* task) {
    return BPF_CORE_READ((const struct task_struct___scheduled*)task, policy);
}

/* The current task ends; its signal_struct counts it no longer, its table is still there. */
static __always_inline void exits(bool selecting) {
    const struct task_struct* task = bpf_get_current_task_btf();
    struct walk w = {.tgid = (__u32)task->tgid};
    if (!is_subject(w.tgid))
        return;
    if (selecting && n_selectors &&
        has_policy(task)) /* it may have been the last real-time thread */
        select_process((__u64)BPF_CORE_READ(task, group_leader), SETTLE_IF_ALONE, 0);
    /* Two threads that leave together can both read 0: subject_end lets one of them in. */
    bool last = task->signal->live.counter == 0;
    __u32 pid = (__u32)task->pid;
    /* Several watches: the levels of all go down before the first EXIT, which speaks for all. */
    struct walk all = w;
    for (int i = 0; last && i < BRINK_MAX_PER_SUBJECT && all.place != INDEX_END; i++) {
        struct brink_tally* t = subject_next(&all);
        if (t && all.place != INDEX_END)
            leave_table(all.id);
    }
    for (int i = 0; i < BRINK_MAX_PER_SUBJECT && w.place != INDEX_END; i++) {
        struct brink_tally* t = subject_next(&w);
        if (t && (t->flags & BRINK_TALLY_THREAD ? t->pid == pid : last))
            subject_end(w.id);
        else if (t && !t->kind && t->pid == pid && users_of(t->table) == 1)
            leave_table(w.id); /* the main thread ends first, and had a table of its own */
    }
    if (!last)
        count(address_of(task->signal), CHANGE_VALUE, 0);
}

SEC("raw_tp/sched_process_exit")
int on_exit(void* ctx) {
    NOTED(exits(false));
    return 0;
}

SEC("raw_tp/sched_process_exit")
int on_exit_selecting(void* ctx) {
    NOTED(exits(true));
    return 0;
}

/* A fork that fails calls exit_files, too. */
static __always_inline bool of_current(const struct pt_regs* ctx) {
    return argument(ctx, 0) == address_of(bpf_get_current_task_btf());
}

SEC("kprobe.multi/exit_files")
int on_exit_kprobe(struct pt_regs* ctx) {
    if (of_current(ctx))
        exits(false);
    return 0;
}

SEC("kprobe.multi/exit_files")
int on_exit_selecting_kprobe(struct pt_regs* ctx) {
    if (of_current(ctx))
        exits(true);
    return 0;
}
