/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel types that are read, and only the members that are read. libbpf relocates every access
 * to the running kernel (CO-RE). A member that has moved or changed its name over time has a
 * flavour (`___suffix`) that cites the change, behind one accessor that says what is meant. */
#ifndef BRINK_KERNEL_H
#define BRINK_KERNEL_H

#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define CORE __attribute__((preserve_access_index))

typedef struct {
    int counter;
} CORE atomic_t;

typedef struct {
    long counter;
} CORE atomic_long_t;

struct list_head {
    struct list_head* next;
} CORE;

struct hlist_node {
    struct hlist_node* next;
} CORE;

struct hlist_head {
    struct hlist_node* first;
} CORE;

struct fdtable {
    unsigned int max_fds;
    struct file** fd;
    unsigned long* open_fds;
} CORE;

struct files_struct {
    atomic_t count;
    struct fdtable* fdt;
} CORE;

struct rlimit {
    unsigned long rlim_cur;
    unsigned long rlim_max;
} CORE;

struct signal_struct {
    atomic_t live;
    struct rlimit rlim[16];
} CORE;

struct mm_struct {
    unsigned long total_vm;
    unsigned long data_vm;
    unsigned long stack_vm;
    unsigned long locked_vm;
    int map_count;
} CORE;

struct hrtimer {
    long long _softexpires;
} CORE;

struct hrtimer_sleeper {
    struct hrtimer timer;
    struct task_struct* task;
} CORE;

struct kernfs_node {
    void* priv; /* of a directory: the cgroup */
    __u64 id;   /* a union with the inode number before 5.5: the same for cgroup v2 paths */
} CORE;

struct cgroup {
    struct kernfs_node* kn;
    struct cgroup_subsys_state* subsys[16]; /* it has as many as enum cgroup_subsys_id */
} CORE;

/* The user registers, as bpf_task_pt_regs (5.15) finds them. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
    unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip;
    unsigned long cs, flags, sp, ss;
} CORE;
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
    __u64 regs[31];
    __u64 sp;
    __u64 pc;
    __u64 orig_x0;
    __s32 syscallno;
} CORE;
#else
#error "name the user registers of this architecture here"
#endif

/* The first or second argument of a function at whose entry a kprobe stands. */
static __always_inline unsigned long argument(const struct pt_regs* regs, int i) {
#if defined(__TARGET_ARCH_x86)
    return i ? regs->si : regs->di;
#else
    return regs->regs[i];
#endif
}

struct thread_info {
    __u32 status; /* x86 */
} CORE;

struct css_set {
    struct cgroup* dfl_cgrp;
    struct cgroup_subsys_state* subsys[16]; /* it has as many as enum cgroup_subsys_id */
} CORE;

typedef struct {
    __u32 val;
} CORE kuid_t;

struct ns_common {
    unsigned int inum;
} CORE;

typedef struct {
    __u32 val;
} CORE kgid_t;

struct user_namespace {
    struct user_namespace* parent;
    int level;
    kuid_t owner;
    struct ns_common ns;
    struct ucounts* ucounts; /* of who made it, one level up */
    long ucount_max[16];     /* it has as many as enum ucount_type */
} CORE;

typedef struct {
} kernel_cap_t; /* 6.3 (commit f122a08b197d) made one number of two: the lower half is the first either way */

struct cred {
    kuid_t uid;
    kgid_t gid;
    kuid_t suid;
    kgid_t sgid;
    kuid_t euid;
    kgid_t egid;
    kernel_cap_t cap_effective;
    struct user_namespace* user_ns;
} CORE;

struct pid_namespace {
    struct ns_common ns;
} CORE;

struct upid {
    int nr;
    struct pid_namespace* ns;
} CORE;

struct pid {
    unsigned int level;
    struct hlist_head tasks[4];
    struct upid numbers[1];
} CORE;

/* The number of `pid` in its namespace at `level`; the array is longer than it says. */
static __always_inline const struct upid* number_at(const struct pid* pid, __u32 level) {
    return (const void*)pid + bpf_core_field_offset(struct pid, numbers) +
           (__u64)level * bpf_core_type_size(struct upid);
}

#define TASK_INTERRUPTIBLE 1
#define TASK_UNINTERRUPTIBLE 2

struct nsproxy {
    struct net* net_ns;
} CORE;

struct task_struct {
    struct thread_info thread_info;
    int pid;
    int tgid;
    unsigned int flags;
    struct task_struct* group_leader;
    struct task_struct* real_parent;
    struct files_struct* files;
    struct mm_struct* mm;
    struct signal_struct* signal;
    struct css_set* cgroups;
    const struct cred* cred;
    const struct cred* real_cred;
    struct nsproxy* nsproxy;
    struct pid* thread_pid;
    struct hlist_node pid_links[4];
    __u64 start_boottime;
    unsigned long nvcsw;
    unsigned long nivcsw;
    unsigned int __state;
    char comm[16];
} CORE;

/* Whether `task` has capability `number` (below 32) in the initial user namespace, as capable() asks. */
static __always_inline bool is_capable(const struct task_struct* task, int number) {
    const struct cred* cred = BPF_CORE_READ(task, cred);
    __u32 effective = 0;
    bpf_probe_read_kernel(&effective, sizeof effective,
                          (const void*)cred + bpf_core_field_offset(struct cred, cap_effective));
    return effective >> number & 1 && BPF_CORE_READ(cred, user_ns, level) == 0;
}

/* 5.14 (commit 2f064a59a11f) made it an int and gave it another name. */
struct task_struct___before_5_14 {
    long state;
} CORE;

/* 0: it runs, or waits for a processor. */
static __always_inline __u64 task_state(const struct task_struct* task) {
    if (bpf_core_field_exists(task->__state))
        return BPF_CORE_READ(task, __state);
    const struct task_struct___before_5_14* old = (const void*)task;
    return (__u64)BPF_CORE_READ(old, state);
}

/* Whether `task` waits, and not for a lock that spins elsewhere (PREEMPT_RT). */
static __always_inline bool task_sleeps(const struct task_struct* task) {
    return task_state(task) & (TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE);
}

/* The number of `task` in the pid namespace `inum` at `level`; 0 if it has none there. */
static __always_inline __u32 number_of(const struct task_struct* task, __u32 level, __u32 inum) {
    const struct pid* pid = BPF_CORE_READ(task, thread_pid);
    if (!pid || BPF_CORE_READ(pid, level) < level)
        return 0;
    const struct upid* number = number_at(pid, level);
    return BPF_CORE_READ(number, ns, ns.inum) == inum ? (__u32)BPF_CORE_READ(number, nr) : 0;
}

/* 5.5 (commit cf25e24db61c) renamed real_start_time to start_boottime. */
struct task_struct___before_5_5 {
    __u64 real_start_time;
} CORE;

static __always_inline __u64 start_time_ns(const struct task_struct* task) {
    if (bpf_core_field_exists(task->start_boottime))
        return BPF_CORE_READ(task, start_boottime);
    const struct task_struct___before_5_5* old = (const void*)task;
    return BPF_CORE_READ(old, real_start_time);
}

struct inode {
    unsigned long i_ino;
    void* i_private; /* of kernfs: the node */
} CORE;

struct file {
    struct inode* f_inode;
    void* private_data;
} CORE;

struct sock {
    struct pid* sk_peer_pid;
    const struct cred* sk_peer_cred;
} CORE;

/* What private_data of a socket's file is. */
struct socket {
    struct sock* sk;
} CORE;

struct linux_binprm {
    unsigned int
        secureexec : 1; /* a set-uid, set-gid or file-capability program: cap_bprm_creds_from_file() */
} CORE;

/* fs/proc/internal.h: the inode of /proc/PID and /proc/PID/task/TID. */
struct proc_inode {
    struct pid* pid;
    struct inode vfs_inode;
} CORE;

/* The number of the system call that `task` is in. */
static __always_inline __u64 system_call_of(const struct task_struct* task) {
    const struct pt_regs* regs = (const struct pt_regs*)bpf_task_pt_regs((void*)task);
#if defined(__TARGET_ARCH_x86)
    return regs->orig_ax;
#else
    return (__u64)regs->syscallno;
#endif
}

/* Argument `i` of the system call that `task` is in. */
static __always_inline __u64 call_argument(const struct task_struct* task, int i) {
    const struct pt_regs* regs = (const struct pt_regs*)bpf_task_pt_regs((void*)task);
#if defined(__TARGET_ARCH_x86)
    return i == 0 ? regs->di : i == 1 ? regs->si : i == 2 ? regs->dx : regs->r10;
#else
    return i == 0 ? regs->orig_x0
                  : regs->regs[i]; /* the result comes into the place of the first */
#endif
}

#if defined(__TARGET_ARCH_x86)
#define NR_MMAP 9
#define NR_MPROTECT 10
#define NR_MUNMAP 11
#define NR_BRK 12
#define NR_CLONE 56
#define NR_FORK 57
#define NR_VFORK 58
#define NR_MREMAP 25
#define NR_MLOCK 149
#define NR_MLOCKALL 151
#define NR_MLOCK2 325
#define NR_SCHED_SETSCHEDULER 144
#define NR_SCHED_SETATTR 314
#else /* include/uapi/asm-generic/unistd.h */
#define NR_BRK 214
#define NR_MUNMAP 215
#define NR_MREMAP 216
#define NR_CLONE 220
#define NR_FORK NR_CLONE /* it has neither */
#define NR_VFORK NR_CLONE
#define NR_MMAP 222
#define NR_MPROTECT 226
#define NR_MLOCK 228
#define NR_MLOCKALL 230
#define NR_MLOCK2 284
#define NR_SCHED_SETSCHEDULER 119
#define NR_SCHED_SETATTR 274
#endif

#define NR_CLOSE_RANGE 436 /* on every architecture */
#define CLONE_PIDFD 0x1000
#define PIDTYPE_PID 0
#define PF_EXITING 4
#define PF_KTHREAD 0x00200000
#define RLIMIT_DATA 2
#define RLIMIT_STACK 3
#define RLIMIT_RSS 5
#define RLIMIT_NPROC 6
#define RLIMIT_NOFILE 7
#define RLIMIT_MEMLOCK 8
#define RLIMIT_AS 9
#define RLIMIT_SIGPENDING 11
#define RLIMIT_MSGQUEUE 12
#define PROT_WRITE 2
#define MAP_TYPE 15
#define MAP_PRIVATE 2
#define CAP_IPC_LOCK 14
#define CAP_SYS_PTRACE 19
#define CAP_SYS_ADMIN 21
#define CAP_SYS_RESOURCE 24
#define EPERM 1
#define ENOMEM 12
#define EMFILE 24
#define ENOENT 2
#define ESRCH 3
#define EAGAIN 11
#define ENOSPC 28
#define EINVAL 22
#define EEXIST 17

#endif
