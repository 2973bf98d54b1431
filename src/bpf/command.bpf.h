/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the commands of brink have in common: the command, its answer, and what is behind a descriptor of brink. */
#ifndef BRINK_COMMAND_BPF_H
#define BRINK_COMMAND_BPF_H

#include "kernel.h"
#include "wire.h"

struct brink_command command __weak;
struct brink_answer answer __weak;

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
