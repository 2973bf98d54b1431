// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One pass over all processes (bpf_iter, Linux 5.8): everything that has a limit, read in the kernel, without a
 * file for each. The counts of users, which /proc does not show, are read through each process's credentials. */
#include "tasks.h"

#include "resident.bpf.h"
#include "scan.bpf.h"
#include "users.bpf.h"

struct seq_file;

struct bpf_iter_meta {
    struct seq_file* seq;
} CORE;

struct bpf_iter__task {
    struct bpf_iter_meta* meta;
    struct task_struct* task;
} CORE;

/* Too large for the stack. One reader at a time: brink reads its own iterator. */
struct brink_task record = {};

static __always_inline void read_memory(const struct mm_struct* mm) {
    record.total_vm = BPF_CORE_READ(mm, total_vm);
    record.data_vm = BPF_CORE_READ(mm, data_vm);
    record.stack_vm = BPF_CORE_READ(mm, stack_vm);
    record.locked_vm = BPF_CORE_READ(mm, locked_vm);
    record.map_count = (__u32)BPF_CORE_READ(mm, map_count);
    record.rss = resident(mm);
}

static __always_inline void read_user(const struct cred___counted* cred) {
    const struct ucounts* counts = BPF_CORE_READ(cred, ucounts);
    record.user = (__u64)counts;
    record.user_namespace = BPF_CORE_READ(counts, ns, ns.inum);
    record.user_uid = BPF_CORE_READ(counts, uid.val);
    record.user_processes = BPF_CORE_READ(counts, rlimit[UCOUNT_RLIMIT_NPROC].counter);
    record.user_queue_bytes = BPF_CORE_READ(counts, rlimit[UCOUNT_RLIMIT_MSGQUEUE].counter);
    record.user_signals = BPF_CORE_READ(counts, rlimit[UCOUNT_RLIMIT_SIGPENDING].counter);
    record.user_shared_pages = BPF_CORE_READ(counts, rlimit[UCOUNT_RLIMIT_MEMLOCK].counter);
    record.user_locked_pages = BPF_CORE_READ(cred, user, locked_vm.counter);
    record.user_inotify_instances =
        user_count(counts, bpf_core_enum_value(enum ucount_type, UCOUNT_INOTIFY_INSTANCES));
    record.user_inotify_watches = user_count(counts, bpf_core_enum_value(enum ucount_type,
                                                                         UCOUNT_INOTIFY_WATCHES));
}

/* The number of `task` in the pid namespace of the reader, which is the current task; 0: it is not visible there. */
static __always_inline __u32 visible_pid(const struct task_struct* task) {
    const struct task_struct* reader = (const void*)bpf_get_current_task();
    const struct pid* own = BPF_CORE_READ(reader, thread_pid);
    __u32 level = BPF_CORE_READ(own, level);
    return number_of(task, level, BPF_CORE_READ(number_at(own, level), ns, ns.inum));
}

SEC("iter/task")
int on_task(struct bpf_iter__task* ctx) {
    struct seq_file* seq = ctx->meta->seq;
    const struct task_struct* task = ctx->task;
    if (!task || task->pid != task->tgid)
        return 0;
    __builtin_memset(&record, 0, sizeof record);
    record.pid = visible_pid(task);
    if (!record.pid)
        return 0;
    const struct task_struct___counted* counted = (const void*)task;
    const struct signal_struct* signal = BPF_CORE_READ(task, signal);
    const struct signal_struct___threads* threads = (const void*)signal;
    const struct mm_struct* mm = BPF_CORE_READ(task, mm);
    record.threads = (__u32)BPF_CORE_READ(threads, nr_threads);
    bpf_probe_read_kernel(record.limits, sizeof record.limits,
                          (const void*)signal + bpf_core_field_offset(struct signal_struct, rlim));
    read_user(BPF_CORE_READ(counted, real_cred));
    /* A kernel thread that works for a process (kthread_use_mm()) has that one's memory. */
    if (mm && !(task->flags & PF_KTHREAD)) {
        record.has_memory = 1;
        record.open_files = (__u32)scan_table((__u64)BPF_CORE_READ(task, files), 0);
        read_memory(mm);
    }
    bpf_seq_write(seq, &record, sizeof record);
    return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
