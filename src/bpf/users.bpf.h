/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel counts for a user: struct ucounts, one for each uid in each user namespace (kernel/ucount.c). Who
 * made a namespace is counted for all that happens in it: the counts of a namespace lead to those of its maker. */
#ifndef BRINK_USERS_BPF_H
#define BRINK_USERS_BPF_H

#include "kernel.h"
#include "wire.h"

enum ucount_type { UCOUNT_INOTIFY_INSTANCES, UCOUNT_INOTIFY_WATCHES };
enum {
    UCOUNT_RLIMIT_NPROC,
    UCOUNT_RLIMIT_MSGQUEUE,
    UCOUNT_RLIMIT_SIGPENDING,
    UCOUNT_RLIMIT_MEMLOCK
};

struct ucounts {
    struct user_namespace* ns;
    kuid_t uid;
    atomic_t count;
    atomic_long_t ucount[16];
    atomic_long_t rlimit[4];
} CORE;

/* 6.15 (commit b4dc0bee2a74) made an rcuref_t of the count of references. */
struct ucounts___rcuref {
    struct list_head rcu; /* a struct is all that is asked of it */
} CORE;

#define RCUREF_RELEASED 0xc0000000u /* and above: nobody has a reference, include/linux/rcuref.h */

struct signal_struct___threads {
    int nr_threads;
} CORE;

struct user_struct {
    atomic_long_t locked_vm;
} CORE;

struct cred___counted {
    struct user_struct* user;
    struct ucounts* ucounts;
} CORE;

struct task_struct___counted {
    const struct cred___counted* real_cred;
} CORE;

/* The counts that `task` belongs to. */
static __always_inline __u64 user_of(const struct task_struct* task) {
    const struct task_struct___counted* counted = (const void*)task;
    return (__u64)BPF_CORE_READ(counted, real_cred, ucounts);
}

static __always_inline __u64 user_count(const struct ucounts* counts, __u64 type) {
    __u64 count = 0;
    bpf_probe_read_kernel(&count, sizeof count,
                          (const void*)counts + bpf_core_field_offset(struct ucounts, ucount) +
                              8 * type);
    return count;
}

static __always_inline __u64 inotify_type(__u32 kind) {
    return kind == BRINK_KIND_USER_INOTIFY_INSTANCES
               ? bpf_core_enum_value(enum ucount_type, UCOUNT_INOTIFY_INSTANCES)
               : bpf_core_enum_value(enum ucount_type, UCOUNT_INOTIFY_WATCHES);
}

static __always_inline bool is_of_user(__u32 kind) {
    return kind >= BRINK_KIND_USER_PROCESSES && kind <= BRINK_KIND_USER_INOTIFY_WATCHES;
}

/* Whether a count of `kind` is held by an rlimit of each process; else by a number of the user namespace. */
static __always_inline bool has_rlimit(__u32 kind) {
    return kind >= BRINK_KIND_USER_PROCESSES && kind <= BRINK_KIND_USER_LOCKED;
}

static __always_inline __u32 rlimit_of(__u32 kind) {
    switch (kind) {
    case BRINK_KIND_USER_PROCESSES:
        return RLIMIT_NPROC;
    case BRINK_KIND_USER_QUEUES:
        return RLIMIT_MSGQUEUE;
    case BRINK_KIND_USER_SIGNALS:
        return RLIMIT_SIGPENDING;
    default:
        return RLIMIT_MEMLOCK;
    }
}

static __always_inline struct rlimit rlimit_now(__u64 signal, __u32 number) {
    struct rlimit limit = {};
    bpf_probe_read_kernel(&limit, sizeof limit,
                          (const void*)signal + bpf_core_field_offset(struct signal_struct, rlim) +
                              number * sizeof limit);
    return limit;
}

/* uid 0 of the machine is not held to RLIMIT_NPROC, in any namespace. */
static __always_inline bool user_is_held(const struct brink_tally* t) {
    return has_rlimit(t->kind) &&
           (t->kind != BRINK_KIND_USER_PROCESSES || (__u32)t->subject_id != 0);
}

/* A process of the user, that of `signal`, has a limit that may be the lowest. True: it is. */
static __always_inline bool user_lower(struct brink_tally* t, __u64 signal) {
    struct rlimit limit = rlimit_now(signal, rlimit_of(t->kind));
    if (limit.rlim_cur < t->gathered) {
        t->gathered = limit.rlim_cur;
        t->gathered_hard = limit.rlim_max;
    }
    if (limit.rlim_cur >= t->lowest)
        return false;
    t->lowest = limit.rlim_cur;
    t->lowest_hard = limit.rlim_max;
    return true;
}

#endif
