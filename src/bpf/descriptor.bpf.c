// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Engine `kernel`: the places where a descriptor table changes. These programs run in every process
 * that opens and closes, so their first lines are what brink costs (docs/benchmarks.md). */
#include "subject.bpf.h"

const volatile __u8 closes_hooked = 0;

/* Whether this kernel may preempt a hook. While it does, it leaves out the same hook for every other
 * task on that CPU (the recursion guard of BPF trampolines): whoever was interrupted says so, and
 * the counts are corrected (docs/adr/0001-counting.md). */
const volatile __u8 preemptible = 0;

static __always_inline __u64 switches_of(const struct task_struct* task) {
    return preemptible ? task->nivcsw : 0;
}

static __always_inline void end_hook(const struct task_struct* task, __u64 switches) {
    if (preemptible && task->nivcsw != switches)
        say_preempted();
}

/* Threads that are in do_dup2 over an open descriptor: the close that follows there takes out what
 * the same call has put in, and changes nothing. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1024);
    __type(key, __u32);
    __type(value, __u8);
} replacing SEC(".maps");

SEC("fentry/fd_install")
int BPF_PROG(on_fd_install, unsigned int fd) {
    const struct task_struct* task = bpf_get_current_task_btf();
    __u64 switches = switches_of(task);
    count(address_of(task->files), CHANGE_INSTALL, fd);
    end_hook(task, switches);
    return 0;
}

/* filp_close, or filp_flush where the kernel has it (close(2) and filp_close both go through it there;
 * 6.12 does, 6.1 does not): the descriptor has been taken out of `files` already. */
SEC("fentry/filp_flush")
int BPF_PROG(on_filp_close, void* file, __u64 files) {
    if (n_replacing) {
        __u32 tid = (__u32)bpf_get_current_pid_tgid();
        if (bpf_map_delete_elem(&replacing, &tid) == 0) {
            __sync_fetch_and_add(&n_replacing, -1);
            return 0;
        }
    }
    const struct task_struct* task = preemptible ? bpf_get_current_task_btf() : 0;
    __u64 switches = task ? switches_of(task) : 0;
    count(files, CHANGE_CLOSE, 0);
    if (task)
        end_hook(task, switches);
    return 0;
}

/* Called with files->file_lock held: whether `fd` is open is certain. It fails only for a number
 * that is reserved and holds no file (EBUSY). */
SEC("fentry/do_dup2")
int BPF_PROG(on_do_dup2, struct files_struct* files, struct file* file, unsigned int fd) {
    __u64 table = address_of(files);
    if (!watched(table))
        return 0;
    struct fdtable* fdt = files->fdt;
    struct file* replaced = 0;
    unsigned long bits = 0;
    bpf_probe_read_kernel(&replaced, sizeof replaced, &fdt->fd[fd]);
    if (replaced) {
        __u32 tid = (__u32)bpf_get_current_pid_tgid();
        __u8 one = 1;
        if (closes_hooked && bpf_map_update_elem(&replacing, &tid, &one, BPF_NOEXIST) == 0)
            __sync_fetch_and_add(&n_replacing, 1);
        return 0;
    }
    bpf_probe_read_kernel(&bits, sizeof bits, &fdt->open_fds[fd / 64]);
    if (!(bits >> (fd & 63) & 1))
        count(table, CHANGE_INSTALL, fd);
    return 0;
}

/* unshare, close_range(CLOSE_RANGE_UNSHARE) and execve let go of the old table here, with the new
 * one already in place and used by nobody else. */
SEC("fentry/put_files_struct")
int BPF_PROG(on_put_files_struct, struct files_struct* old) {
    struct task_struct* task = bpf_get_current_task_btf();
    if (!task->files || task->files == old)
        return 0;
    __u64 table = address_of(task->files);
    __u64 left = address_of(old);
    struct brink_subject* s = subject_of((__u32)task->tgid);
    if (!s)
        return 0;
    for (int i = 0; i < BRINK_MAX_PER_SUBJECT; i++) {
        __u32 id = s->tally[i];
        struct brink_tally* t = id ? tally_of(id) : 0;
        if (t && t->pid == (__u32)task->pid && t->table == left)
            subject_move(id, table);
    }
    return 0;
}

SEC("fexit/do_prlimit")
int BPF_PROG(on_do_prlimit, struct task_struct* task, unsigned int resource, void* new_limit,
             void* old_limit, int result) {
    if (resource != RLIMIT_NOFILE || !new_limit || result)
        return 0;
    struct brink_subject* s = subject_of((__u32)task->tgid);
    if (!s)
        return 0;
    for (int i = 0; i < BRINK_MAX_PER_SUBJECT; i++) {
        __u32 id = s->tally[i];
        if (id)
            tally_limit(id);
    }
    return 0;
}

/* EMFILE, wherever a number for a descriptor was asked for. */
SEC("fexit/alloc_fd")
int BPF_PROG(on_alloc_fd, unsigned int start, unsigned int end, unsigned int flags, int result) {
    if (result != -EMFILE)
        return 0;
    denied(bpf_get_current_task_btf(), EMFILE);
    return 0;
}
