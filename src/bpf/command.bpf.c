// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What brink asks of its own programs, run by BPF_PROG_TEST_RUN in the context of brink: linking a
 * watch to a process and back. The process is named by a descriptor of its /proc directory, held by
 * brink, which leads to its struct pid whatever the pid namespaces, and never to a later process of
 * the same number. */
#include "shared.bpf.h"
#include "users.bpf.h"

struct brink_command command __weak;
struct brink_answer answer __weak;

/* The inode behind descriptor `fd` of brink; 0: there is none. */
static __always_inline const void* inode_behind(int fd) {
    struct files_struct* files = bpf_get_current_task_btf()->files;
    struct file** slots = BPF_CORE_READ(files, fdt, fd);
    struct file* file = 0;
    if (bpf_probe_read_kernel(&file, sizeof file, &slots[fd]) || !file)
        return 0;
    return BPF_CORE_READ(file, f_inode);
}

/* The task behind descriptor `fd`, which must be a directory /proc/PID or /proc/TID. */
static __always_inline const struct task_struct* task_behind(int fd) {
    const void* inode = inode_behind(fd);
    if (!inode)
        return 0;
    const struct proc_inode* proc = inode - bpf_core_field_offset(struct proc_inode, vfs_inode);
    const struct pid* pid = BPF_CORE_READ(proc, pid);
    const void* node = BPF_CORE_READ(pid, tasks[PIDTYPE_PID].first);
    return node ? node - bpf_core_field_offset(struct task_struct, pid_links[PIDTYPE_PID]) : 0;
}

static __always_inline void learn_namespace(void) {
    const struct task_struct* task = (const void*)bpf_get_current_task();
    const struct pid* pid = BPF_CORE_READ(task, thread_pid);
    ns_level = BPF_CORE_READ(pid, level);
    const struct upid* number = number_at(pid, ns_level);
    ns_inum = BPF_CORE_READ(number, ns, ns.inum);
}

static __always_inline int learn(void) {
    const struct task_struct* task = bpf_get_current_task_btf();
    anchor_address = 0;
    anchor_address = bpf_get_current_task() - address_of(task);
    learn_namespace();
    return 0;
}

/* Whether a subject has ended, or has begun to and is past the hook that would see it: a thread, or the
 * process of `signal` (whose leader can be another task in the midst of execve). */
static __always_inline bool leaving(const struct task_struct* task,
                                    const struct signal_struct* signal, __u32 flags) {
    return flags & BRINK_TALLY_THREAD ? BPF_CORE_READ(task, flags) & PF_EXITING
                                      : !BPF_CORE_READ(signal, live.counter);
}

static __always_inline __u32 watches_of(__u32 tgid) {
    __u32 n = 0;
    struct walk w = {.tgid = tgid};
    for (int i = 0; i < BRINK_MAX_PER_SUBJECT && w.place != INDEX_END; i++)
        n += subject_next(&w) != 0;
    return n;
}

/* Links the watch to what `object` has the number of, unless it is linked, or not to be. 0: the first count is pending.
 * -EEXIST: it was linked before. `signal`: of a process of a user, whose limits are taken into account. */
static __always_inline int bind_shared(__u64 object, const struct brink_watch* watch,
                                       __u64 signal) {
    if (!object || !shared_takes(watch, shared_id(object, watch->kind)))
        return -ESRCH;
    __u32 known = shared_find(object, command.watch);
    int id = known ? (int)known : shared_begin(command.watch, object, signal);
    struct brink_tally* t = id > 0 ? tally_of((__u32)id) : 0;
    if (!t)
        return id < 0 ? id : -ESRCH;
    answer.tally = (__u32)id;
    answer.generation = t->generation;
    if (known && user_is_held(t))
        user_lower(t, signal); /* BRINK_COMMAND_LIMITS makes it hold */
    return known ? -EEXIST : 0;
}

static __always_inline int bind_other(const struct brink_watch* watch) {
    if (family_of(watch->kind) != FAMILY_USER)
        return bind_shared(cgroup_object((__u64)inode_behind(command.proc_fd), watch->kind), watch,
                           0);
    const struct task_struct* task = task_behind(command.proc_fd);
    if (!task)
        return -ESRCH;
    return bind_shared(user_of(task), watch, (__u64)BPF_CORE_READ(task, signal));
}

/* What was gathered from all processes of a user is its limit now; what follows is gathered anew. */
static __always_inline int apply_limits(void) {
    struct brink_tally* t = tally_of(command.tally);
    if (!t || !t->table || t->generation != command.generation)
        return -ESRCH;
    if (!has_rlimit(t->kind))
        return 0;
    t->lowest = t->gathered;
    t->lowest_hard = t->gathered_hard;
    t->gathered = t->gathered_hard = ~0ull;
    return tally_limit(command.tally);
}

static __always_inline int bind(void) {
    const struct brink_watch* watch = bpf_map_lookup_elem(&watches, &command.watch);
    __u32 kind = watch ? watch->kind : 0;
    if (watch && brink_is_shared(kind))
        return bind_other(watch);
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
    if (watches_of(tgid) >= BRINK_MAX_PER_SUBJECT)
        return -ENOSPC;
    __u32 id = tally_new(leader, tgid, pid, command.watch, command.flags | BRINK_TALLY_NAMED);
    struct brink_tally* t = id ? tally_of(id) : 0;
    if (!t)
        return -ENOSPC;
    answer.tally = id;
    answer.generation = t->generation;
    t->start_time_ns = start_time_ns(leader);
    limit_bounds(id, 0);
    if (subject_begin(id, at_exec ? 0 : table))
        return -ENOSPC;
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

static __always_inline int check(void) {
    struct brink_tally* t = tally_of(command.tally);
    if (!t || !t->table || t->generation != command.generation)
        return -ESRCH;
    const struct task_struct* leader = (const void*)t->leader;
    if (brink_is_shared(t->kind)) {
        shared_look(t->table, 0); /* ends it, if it is gone */
        if (t->generation != command.generation)
            return -ESRCH;
    } else if (leaving(leader, (const void*)t->signal, t->flags)) {
        subject_end(command.tally); /* unless the hook does */
        return -ESRCH;
    }
    tally_limit(command.tally);
    if (!brink_is_shared(t->kind) && value_object(t->leader, t->kind) != t->table)
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
        answer.error = subject_end(command.tally);
        break;
    case BRINK_COMMAND_COUNT:
        answer.error = tally_sample(command.tally, 1);
        break;
    case BRINK_COMMAND_COMMIT:
        answer.error = tally_commit(command.tally, command.base);
        break;
    case BRINK_COMMAND_CHECK:
        answer.error = check();
        break;
    case BRINK_COMMAND_RESYNC:
        answer.error = resync();
        break;
    case BRINK_COMMAND_LIMITS:
        answer.error = apply_limits();
        break;
    default:
        answer.error = -EINVAL;
    }
    commander = 0;
    return 0;
}
