// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What brink asks of its own programs, run by BPF_PROG_TEST_RUN in the context of brink: linking a
 * watch to a process and back. The process is named by a descriptor of its /proc directory, held by
 * brink, which leads to its struct pid whatever the pid namespaces, and never to a later process of
 * the same number. */
#include "command.bpf.h"
#include "subject.bpf.h"

static __always_inline int learn(void) {
    const struct task_struct* task = bpf_get_current_task_btf();
    anchor_address = 0;
    anchor_address = bpf_get_current_task() - address_of(task);
    own_tgid = (__u32)task->tgid;
    learn_namespace();
    own_network = (__u64)BPF_CORE_READ(task, nsproxy, net_ns);
    return 0;
}

/* Whether a subject has ended, or has begun to and is past the hook that would see it: a thread, or the
 * process of `signal` (whose leader can be another task in the midst of execve). */
static __always_inline bool leaving(const struct task_struct* task,
                                    const struct signal_struct* signal, __u32 flags) {
    return flags & BRINK_TALLY_THREAD ? BPF_CORE_READ(task, flags) & PF_EXITING
                                      : !BPF_CORE_READ(signal, live.counter);
}

static __always_inline bool forbidden(const struct brink_watch* watch,
                                      const struct task_struct* task) {
    return watch && watch->owner &&
           !owner_permits(watch->owner, (__u64)BPF_CORE_READ(task, real_cred), 0);
}

/* A function of its own: inlined it would take of the stack that the other commands need. */
__noinline int bind(void) {
    const struct brink_watch* watch = bpf_map_lookup_elem(&watches, &command.watch);
    __u32 kind = watch ? watch->kind : 0;
    const struct task_struct* task = task_behind(command.proc_fd);
    if (!task)
        return -ESRCH;
    __u64 table = value_object((__u64)task, kind);
    bool at_exec = command.flags & BRINK_TALLY_AT_EXEC;
    if ((!table && !at_exec) || (kind && BPF_CORE_READ(task, flags) & PF_KTHREAD))
        return -ESRCH; /* it is exiting, or the kernel's own */
    __u32 tgid = (__u32)BPF_CORE_READ(task, tgid), pid = tgid;
    const struct task_struct* leader = BPF_CORE_READ(task, group_leader);
    if (command.flags & BRINK_TALLY_THREAD) {
        pid = (__u32)BPF_CORE_READ(task, pid);
        leader = task;
    }
    if (forbidden(watch, task))
        return -EPERM;
    if (watches_of(tgid) >=
        (watch && watch->owner ? BRINK_MAX_OWNED_PER_SUBJECT : BRINK_MAX_PER_SUBJECT))
        return -ENOSPC;
    __u32 id = tally_new(leader, tgid, pid, command.watch, command.flags | BRINK_TALLY_NAMED);
    struct brink_tally* t = id ? tally_of(id) : 0;
    if (!t)
        return -ENOSPC;
    answer.tally = id;
    answer.generation = t->generation;
    const struct brink_owner* owner = owner_by(t->owner);
    answer.ns_pid = owner ? number_of(leader, owner->pid_ns_level, owner->pid_ns_inum)
                          : (__u32)command.base;
    t->start_time_ns = start_time_ns(leader);
    limit_bounds(id, 0);
    if (subject_begin(id, at_exec ? 0 : table))
        return -ENOSPC;
    /* Ids that change from now on are seen; until now they may have. */
    if (forbidden(watch, task)) {
        subject_drop(id, 0);
        return -EPERM;
    }
    if (at_exec)
        return 0;
    /* It may have gone, or changed its table, between the look and the link. */
    if (value_object((__u64)task, kind) != table) {
        subject_end(id);
        return -EAGAIN;
    }
    /* Or it had passed the hook of its exit already, and keeps the table a little longer. */
    if (leaving(task, BPF_CORE_READ(task, signal), command.flags)) {
        subject_end(id);
        return -ESRCH;
    }
    return 0;
}

/* Whether the only task that has the table of `t` sleeps, and so is not in the midst of a change of it: a task does not
 * sleep there (docs/adr/0001-counting.md). */
static __always_inline bool at_rest(const struct brink_tally* t) {
    const struct task_struct* leader = (const void*)t->leader;
    return users_of(t->table) == 1 && value_object(t->leader, t->kind) == t->table &&
           task_sleeps(leader);
}

static __always_inline int sample(void) {
    struct brink_tally* t = tally_of(command.tally);
    if (!t)
        return -ENOENT;
    const struct task_struct* leader = (const void*)t->leader;
    bool before = at_rest(t);
    __u64 switches = BPF_CORE_READ(leader, nvcsw);
    int n = tally_sample(command.tally, 1);
    answer.base = before && at_rest(t) && BPF_CORE_READ(leader, nvcsw) == switches;
    return n;
}

static __always_inline int drop(void) {
    struct brink_tally* t = tally_of(command.tally);
    if (!t || t->generation != command.generation)
        return -ESRCH;
    return subject_drop(command.tally, 0);
}

static __always_inline int check(void) {
    struct brink_tally* t = tally_of(command.tally);
    if (!t || !t->table || t->generation != command.generation)
        return -ESRCH;
    const struct task_struct* leader = (const void*)t->leader;
    if (leaving(leader, (const void*)t->signal, t->flags)) {
        subject_end(command.tally); /* unless the hook does */
        return -ESRCH;
    }
    tally_limit(command.tally);
    if (value_object(t->leader, t->kind) != t->table)
        return -ESRCH; /* its main thread has ended, or it is in execve */
    if (t->kind) {     /* what the tally should be is not known, only whether it is right */
        answer.base = value_read(t->table, t->kind);
        answer.usage = answer.base + !in_place(t, *(volatile __u64*)&t->word, answer.base);
        return 0;
    }
    if (t->flags & BRINK_TALLY_SCAN)
        return tally_recount(command.tally, 0);
    for (int i = 0; i < 16; i++) {
        __u64 word = *(volatile __u64*)&t->word;
        answer.base = scan_table(t->table, 1);
        answer.usage = word & BRINK_COUNT_MASK;
        if (*(volatile __u64*)&t->word == word)
            return 0;
    }
    return -EAGAIN;
}

static __always_inline int resync(void) {
    __u32 id = command.tally;
    struct brink_tally* t = tally_of(id);
    if (!t || !t->table || t->generation != command.generation)
        return -ESRCH;
    if (t->kind)
        value_follow(id);
    else if (t->flags & BRINK_TALLY_SCAN)
        tally_recount(id, 0);
    if (command.base && !t->kind) {
        __u64 word = *(volatile __u64*)&t->word;
        __u64 n = (word + command.base) & BRINK_COUNT_MASK;
        if (word_position(word) == BRINK_POS_COUNTING)
            return -EAGAIN;
        if (tally_apply(id, word, n, n, BRINK_CAUSE_OPERATION))
            return -EAGAIN;
    }
    return say(id, BRINK_RECORD_RESYNC, next_number(t), usage_of(t), 0);
}

/* Whether the tally that the command is about still belongs to whom it was said to. */
static __always_inline bool is_meant(void) {
    struct brink_tally* t = tally_of(command.tally);
    return t && t->generation == command.generation;
}

/* A tally that recounts has summed nothing while it was sampled: what came after the last sample shows now. */
static __always_inline int commit(void) {
    struct brink_tally* t = tally_of(command.tally);
    if (!t || !is_meant())
        return -ESRCH;
    int error = tally_commit(command.tally, command.base);
    if (!error && !t->kind && t->flags & BRINK_TALLY_SCAN)
        tally_recount(command.tally, 0);
    return error;
}

SEC("raw_tp")
int on_command(void* ctx) {
    commander = bpf_get_current_pid_tgid();
    switch (command.kind) {
    case BRINK_COMMAND_LEARN:
        answer.error = learn();
        break;
    case BRINK_COMMAND_BIND:
        answer.error = bind();
        break;
    case BRINK_COMMAND_UNBIND:
        answer.error = is_meant() ? subject_end(command.tally) : -ESRCH;
        break;
    case BRINK_COMMAND_COUNT:
        answer.error = is_meant() ? sample() : -ESRCH;
        break;
    case BRINK_COMMAND_COMMIT:
        answer.error = commit();
        break;
    case BRINK_COMMAND_CHECK:
        answer.error = check();
        break;
    case BRINK_COMMAND_RESYNC:
        answer.error = resync();
        break;
    case BRINK_COMMAND_OWNER:
        answer.error = owner_learn(command.watch, (__u64)file_behind(command.proc_fd),
                                   command.flags);
        break;
    case BRINK_COMMAND_DROP:
        answer.error = drop();
        break;
    default:
        answer.error = -EINVAL;
    }
    commander = 0;
    return 0;
}
