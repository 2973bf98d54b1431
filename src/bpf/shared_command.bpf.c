// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Commands of brink about subjects that are no process, where they are others than those about processes (command.bpf.c).
 * A program of its own: it is loaded only if such subjects are watched. */
#include "command.bpf.h"
#include "shared.bpf.h"
#include "users.bpf.h"

/* Links watch `number` to what `object` has the number of, unless it is linked, or not to be. 0: the first count is pending.
 * -EEXIST: it was linked before. `signal`: of a process of a user, whose limits are taken into account. */
__noinline int shared_link(__u32 number, __u64 object, __u64 signal) {
    const struct brink_watch* watch = bpf_map_lookup_elem(&watches, &number);
    if (!watch || !object || !shared_takes(watch, shared_id(object, watch->kind)))
        return -ESRCH;
    __u32 known = shared_find(object, number);
    int id = known ? (int)known : shared_begin(number, object, signal);
    struct brink_tally* t = id > 0 ? tally_of((__u32)id) : 0;
    if (!t)
        return id < 0 ? id : -ESRCH;
    answer.tally = (__u32)id;
    answer.generation = t->generation;
    answer.base = t->subject_id;
    if (known && user_is_held(t))
        user_lower(t, signal); /* BRINK_COMMAND_LIMITS makes it hold */
    return known ? -EEXIST : 0;
}

/* BRINK_COMMAND_BIND: of a user by way of a process of it, of a cgroup by way of its directory. */
static __always_inline int bind_shared(void) {
    const struct brink_watch* watch = bpf_map_lookup_elem(&watches, &command.watch);
    if (!watch)
        return -EINVAL;
    if (family_of(watch->kind) != FAMILY_USER) {
        const struct file* directory = file_behind(command.proc_fd);
        __u64 inode = (__u64)BPF_CORE_READ(directory, f_inode);
        return shared_link(command.watch, cgroup_object(inode, watch->kind), 0);
    }
    const struct task_struct* task = task_behind(command.proc_fd);
    if (!task)
        return -ESRCH;
    return shared_link(command.watch, user_of(task), (__u64)BPF_CORE_READ(task, signal));
}

/* BRINK_COMMAND_LIMITS: what was gathered from all processes of a user is its limit now; what follows is gathered anew. */
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

/* BRINK_COMMAND_CHECK: what the tally should be is not known, only whether it is right. */
static __always_inline int check(void) {
    struct brink_tally* t = tally_of(command.tally);
    if (!t || !t->table || t->generation != command.generation)
        return -ESRCH;
    if (shared_id(t->table, t->kind) != t->subject_id) {
        subject_end(command.tally); /* unless the hook does */
        return -ESRCH;
    }
    tally_limit(command.tally);
    answer.base = value_read(t->table, t->kind);
    answer.usage = answer.base + !in_place(t, *(volatile __u64*)&t->word, answer.base);
    return 0;
}

SEC("raw_tp")
int on_shared_command(void* ctx) {
    commander = bpf_get_current_pid_tgid();
    switch (command.kind) {
    case BRINK_COMMAND_BIND:
        answer.error = bind_shared();
        break;
    case BRINK_COMMAND_LIMITS:
        answer.error = apply_limits();
        break;
    case BRINK_COMMAND_CHECK:
        answer.error = check();
        break;
    default:
        answer.error = -EINVAL;
    }
    commander = 0;
    return 0;
}
