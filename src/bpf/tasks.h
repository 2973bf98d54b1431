/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What one pass of the task iterator says of a process: src/bpf/tasks.bpf.c writes it, src/kernel/tasks.hpp reads it.
 * Memory is in pages. */
#ifndef BRINK_TASKS_H
#define BRINK_TASKS_H

#include "wire.h"

#define BRINK_RLIMITS 16

struct brink_rlimit {
    brink_u64 soft;
    brink_u64 hard;
};

struct brink_task {
    brink_u32 pid; /* in the reader's pid namespace */
    brink_u32 threads;
    brink_u32 has_memory; /* else a kernel thread or a zombie: the next seven are 0 */
    brink_u32 map_count;
    brink_u64 open_files; /* bits of the table: an open under way is one */
    brink_u64 total_vm;
    brink_u64 data_vm;
    brink_u64 stack_vm;
    brink_u64 locked_vm;
    brink_u64 rss;
    struct brink_rlimit limits[BRINK_RLIMITS];

    /* The counts of its user (real uid) in its user namespace, which many processes share. */
    brink_u64 user;           /* address: which counts these are */
    brink_u32 user_namespace; /* inode number of /proc/PID/ns/user */
    brink_u32 user_uid;
    brink_u64 user_processes;
    brink_u64 user_queue_bytes;
    brink_u64 user_signals;
    brink_u64 user_shared_pages; /* SHM_LOCK */
    brink_u64 user_locked_pages; /* io_uring, perf */
    brink_u64 user_inotify_instances;
    brink_u64 user_inotify_watches;
};
BRINK_ASSERT_SIZE(struct brink_task, 392);

#endif
