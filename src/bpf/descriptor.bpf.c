// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Engine `kernel`: the places where a descriptor table changes. These programs run in every process
 * that opens and closes, so their first lines are what brink costs (docs/benchmarks.md). */
#include "subject.bpf.h"

const volatile __u8 closes_hooked = 0;

/* Threads that are in do_dup2 over an open descriptor: the close that follows there takes out what
 * the same call has put in, and changes nothing. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1024);
    __type(key, __u32);
    __type(value, __u64); /* the file that is replaced */
} replacing SEC(".maps");

/* Hooks are there several times (src/kernel/hook_places.cpp chooses, docs/adr/0001-counting.md says why):
 *   fentry   the cheapest, where kernel code is not preempted;
 *   _kprobe  where it is: kprobe.multi runs with preemption off, while a trampoline lets other tasks
 *            in, and leaves out the same program for them meanwhile;
 *   _noted   where there is no safe kprobe.multi: whoever was interrupted in the hook says so. */

static __always_inline void installs(__u32 fd) {
    count(address_of(bpf_get_current_task_btf()->files), CHANGE_INSTALL, fd);
}

/* Whether this is the close that ends a dup2 over an open descriptor of the same thread: it is passed over. If the
 * hook was left out there, what the thread closes next is another file. */
static __always_inline bool ends_replacing(__u64 file) {
    __u32 tid = (__u32)bpf_get_current_pid_tgid();
    __u64* replaced = bpf_map_lookup_elem(&replacing, &tid);
    if (!replaced)
        return false;
    bool ends = *replaced == file;
    bpf_map_delete_elem(&replacing, &tid);
    __sync_fetch_and_add(&n_replacing, -1);
    return ends;
}

/* `files`: the table that `file` has been taken out of already. */
static __always_inline void closes(__u64 file, __u64 files) {
    if (!files || (n_replacing && ends_replacing(file)))
        return;
    count(files, CHANGE_CLOSE, 0);
}

SEC("fentry/fd_install")
int on_fd_install(__u64* ctx) {
    installs((__u32)ctx[0]);
    return 0;
}

SEC("kprobe.multi/fd_install")
int on_fd_install_kprobe(struct pt_regs* ctx) {
    installs((__u32)argument(ctx, 0));
    return 0;
}

SEC("fentry/fd_install")
int on_fd_install_noted(__u64* ctx) {
    NOTED(installs((__u32)ctx[0]));
    return 0;
}

/* filp_close, or filp_flush where the kernel has it (close(2) and filp_close both go through it there;
 * 6.12 does, 6.1 does not). The second argument is the table. */
SEC("fentry/filp_flush")
int on_filp_close(__u64* ctx) {
    closes(ctx[0], ctx[1]);
    return 0;
}

SEC("kprobe.multi/filp_flush")
int on_filp_close_kprobe(struct pt_regs* ctx) {
    closes(argument(ctx, 0), argument(ctx, 1));
    return 0;
}

SEC("fentry/filp_flush")
int on_filp_close_noted(__u64* ctx) {
    NOTED(closes(ctx[0], ctx[1]));
    return 0;
}

enum number { NUMBER_FREE, NUMBER_RESERVED };

/* What stands at number `fd`: the file that is open there, or one of these. A function of its own: its variables
 * would make the stack below count() too deep. */
__noinline __u64 number_state(__u64 table, __u32 fd) {
    const struct fdtable* fdt = BPF_CORE_READ((const struct files_struct*)table, fdt);
    struct file* const* slots = BPF_CORE_READ(fdt, fd);
    const unsigned long* open_fds = BPF_CORE_READ(fdt, open_fds);
    struct file* file = 0;
    unsigned long bits = 0;
    bpf_probe_read_kernel(&file, sizeof file, &slots[fd]);
    if (file)
        return (__u64)file;
    bpf_probe_read_kernel(&bits, sizeof bits, &open_fds[fd / 64]);
    return bits >> (fd & 63) & 1 ? NUMBER_RESERVED : NUMBER_FREE;
}

/* The close that follows is to be passed over. */
__noinline int begin_replacing(__u64 file) {
    __u32 tid = (__u32)bpf_get_current_pid_tgid();
    if (!closes_hooked)
        return 0;
    if (bpf_map_update_elem(&replacing, &tid, &file, BPF_NOEXIST) == 0)
        __sync_fetch_and_add(&n_replacing, 1);
    else
        bpf_map_update_elem(&replacing, &tid, &file, BPF_EXIST);
    return 0;
}

/* Called with files->file_lock held: whether `fd` is open is certain, and but for PREEMPT_RT nothing is
 * preempted. It fails only for a number that is reserved and holds no file (EBUSY). */
SEC("fentry/do_dup2")
int BPF_PROG(on_do_dup2, struct files_struct* files, struct file* file, unsigned int fd) {
    __u64 table = address_of(files);
    if (!index_slot(table))
        return 0;
    __u64 state = number_state(table, fd);
    if (state == NUMBER_FREE)
        count(table, CHANGE_INSTALL, fd);
    else if (state != NUMBER_RESERVED)
        begin_replacing(state);
    return 0;
}

/* The subjects of the current thread move from table `left` to `table`, which nobody else uses yet. */
static __always_inline void move_subjects(const struct task_struct* task, __u64 left, __u64 table) {
    struct walk w = {.tgid = (__u32)task->tgid};
    for (int i = 0; i < BRINK_MAX_PER_SUBJECT && w.place != INDEX_END; i++) {
        struct brink_tally* t = subject_next(&w);
        if (t && t->pid == (__u32)task->pid && t->table == left)
            subject_move(w.id, table);
    }
}

/* unshare(2), execve(2) and close_range(2) with CLOSE_RANGE_UNSHARE let go of the `old` table, with the new one
 * in its place. */
static __always_inline void lets_go(__u64 old) {
    const struct task_struct* task = bpf_get_current_task_btf();
    if (task->files && address_of(task->files) != old)
        move_subjects(task, old, address_of(task->files));
}

SEC("fentry/put_files_struct")
int on_put_files_struct(__u64* ctx) {
    lets_go(ctx[0]);
    return 0;
}

SEC("kprobe.multi/put_files_struct")
int on_put_files_struct_kprobe(struct pt_regs* ctx) {
    lets_go(argument(ctx, 0));
    return 0;
}

/* close_range can have put_files_struct inlined (6.18, 7.2). The copy that it works on is made here,
 * and after that it cannot fail. */
SEC("fexit/dup_fd")
int BPF_PROG(on_dup_fd) {
    const struct task_struct* task = bpf_get_current_task_btf();
    __u64 copy = 0;
    if (system_call_of(task) != NR_CLOSE_RANGE || bpf_get_func_ret(ctx, &copy) || copy == 0 ||
        copy >= (__u64)-4095)
        return 0;
    move_subjects(task, address_of(task->files), copy);
    return 0;
}

SEC("fexit/do_prlimit")
int BPF_PROG(on_do_prlimit, struct task_struct* task, unsigned int resource, void* new_limit,
             void* old_limit, int result) {
    if (!new_limit || result)
        return 0;
    struct walk w = {.tgid = (__u32)task->tgid};
    for (int i = 0; i < BRINK_MAX_PER_SUBJECT && w.place != INDEX_END; i++) {
        if (subject_next(&w))
            tally_limit(w.id);
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
