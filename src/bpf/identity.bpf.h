/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who a task is: its numbers as whoever runs brink sees them, what a record says of it, and the way from a
 * descriptor of /proc/PID, held by brink, to it: right in any pid namespace, and never a later process of the same
 * number. */
#ifndef BRINK_IDENTITY_BPF_H
#define BRINK_IDENTITY_BPF_H

#include "kernel.h"
#include "wire.h"

/* The pid namespace whose numbers the records carry: that of whoever runs brink. */
__u32 ns_level __weak;
__u32 ns_inum __weak;

/* To be called by a command, in the context of brink. */
static __always_inline void learn_namespace(void) {
    const struct task_struct* task = (const void*)bpf_get_current_task();
    const struct pid* pid = BPF_CORE_READ(task, thread_pid);
    ns_level = BPF_CORE_READ(pid, level);
    const struct upid* number = number_at(pid, ns_level);
    ns_inum = BPF_CORE_READ(number, ns, ns.inum);
}

/* A pid namespace. */
struct view {
    __u32 level;
    __u32 inum;
};

/* The number of `task` in the pid namespace of whoever runs brink; 0 if it has none there. */
static __always_inline __u32 number_in_ns(const struct task_struct* task) {
    return number_of(task, ns_level, ns_inum);
}

/* What a record says of its subject besides the numbers. */
static __always_inline void fill_identity(struct brink_record* r, const struct task_struct* leader,
                                          struct view v) {
    r->ppid = number_of(BPF_CORE_READ(leader, real_parent, group_leader), v.level, v.inum);
    r->uid = BPF_CORE_READ(leader, cred, uid.val);
    r->cgroup_id = BPF_CORE_READ(leader, cgroups, dfl_cgrp, kn, id);
    bpf_core_read_str(r->comm, sizeof r->comm, &leader->comm);
}

static __always_inline struct file* file_behind(int fd) {
    struct files_struct* files = bpf_get_current_task_btf()->files;
    struct file** slots = BPF_CORE_READ(files, fdt, fd);
    struct file* file = 0;
    bpf_probe_read_kernel(&file, sizeof file, &slots[fd]);
    return file;
}

/* The task behind descriptor `fd` of brink, which must be a directory /proc/PID or /proc/TID. */
static __always_inline const struct task_struct* task_behind(int fd) {
    struct file* file = file_behind(fd);
    if (!file)
        return 0;
    const void* inode = BPF_CORE_READ(file, f_inode);
    const struct proc_inode* proc = inode - bpf_core_field_offset(struct proc_inode, vfs_inode);
    const struct pid* pid = BPF_CORE_READ(proc, pid);
    const void* node = BPF_CORE_READ(pid, tasks[PIDTYPE_PID].first);
    return node ? node - bpf_core_field_offset(struct task_struct, pid_links[PIDTYPE_PID]) : 0;
}

#endif
