// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which selections a process is of, from what the kernel knows of its main thread at this moment: nothing is
 * remembered, so nothing can be out of date. */
#include "selector.bpf.h"

#define MOST_STEPS 128 /* names and mount points of a path */
#define MOST_THREADS (1 << 16)
#define SCHED_FIFO 1
#define SCHED_RR 2
#define SCHED_DEADLINE 6

/* ---- programs ----------------------------------------------------------------------------- */

struct qstr {
    const unsigned char* name;
} CORE;

struct dentry {
    struct dentry* d_parent;
    struct qstr d_name;
} CORE;

struct vfsmount {
    struct dentry* mnt_root;
} CORE;

struct mount {
    struct mount* mnt_parent;
    struct dentry* mnt_mountpoint;
    struct vfsmount mnt;
} CORE;

struct path {
    struct vfsmount* mnt;
    struct dentry* dentry;
} CORE;

struct file___placed {
    struct path f_path;
} CORE;

struct mm_struct___executing {
    struct file___placed* exe_file;
} CORE;

struct path_walk {
    __u64 dentry;
    __u64 mount;
    __u32 name; /* behind the one to compare with */
    __u32 left;
    __u32 found;
};

/* One step from a file to the root, as d_path() does it. */
static long next_step(__u32 i, struct path_walk* w) {
    const struct dentry* dentry = (const void*)w->dentry;
    const struct mount* mount = (const void*)w->mount;
    if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
        const struct mount* parent = BPF_CORE_READ(mount, mnt_parent);
        if (parent == mount) {
            w->found = !w->left;
            return 1;
        }
        w->dentry = (__u64)BPF_CORE_READ(mount, mnt_mountpoint);
        w->mount = (__u64)parent;
        return 0;
    }
    if (!w->left || !text_is((__u64)BPF_CORE_READ(dentry, d_name.name), w->name - 1))
        return 1;
    w->left--;
    w->name--;
    w->dentry = (__u64)BPF_CORE_READ(dentry, d_parent);
    return 0;
}

__noinline int executes_file(__u64 task, __u32 selector) {
    const struct brink_selector* s = bpf_map_lookup_elem(&selectors, &selector);
    const struct task_struct* t = (const void*)task;
    const struct mm_struct___executing* mm = (const void*)BPF_CORE_READ(t, mm);
    const struct file___placed* file = BPF_CORE_READ(mm, exe_file);
    if (!s || !file)
        return 0;
    struct path_walk w = {
        .dentry = (__u64)BPF_CORE_READ(file, f_path.dentry),
        .mount = (__u64)BPF_CORE_READ(file, f_path.mnt) - bpf_core_field_offset(struct mount, mnt),
        .name = s->first_name + s->n_names,
        .left = s->n_names,
        .found = unknown_zero,
    };
    bpf_loop(MOST_STEPS, next_step, &w, 0);
    return w.found != 0;
}

/* ---- threads ------------------------------------------------------------------------------ */

struct signal_struct___grouped {
    struct list_head thread_head;
} CORE;

struct task_struct___selected {
    unsigned int policy;
    const struct cred* real_cred; /* `cred` can be another's for a while: override_creds() */
    struct list_head thread_node;
} CORE;

struct thread_walk {
    __u64 head;
    __u64 at;
    __u64 found;
};

static long next_thread(__u32 i, struct thread_walk* w) {
    if (!w->at || w->at == w->head)
        return 1;
    const void* task = (const void*)w->at -
                       bpf_core_field_offset(struct task_struct___selected, thread_node);
    const struct task_struct___selected* selected = task;
    __u32 policy = BPF_CORE_READ(selected, policy);
    bool realtime = policy == SCHED_FIFO || policy == SCHED_RR || policy == SCHED_DEADLINE;
    if (realtime && !(BPF_CORE_READ((const struct task_struct*)task, flags) & PF_EXITING)) {
        w->found = 1;
        return 1;
    }
    w->at = (__u64)BPF_CORE_READ(selected, thread_node.next);
    return 0;
}

/* Whether some thread of the process, but those that are ending, is a real-time one. */
__noinline int is_realtime(__u64 task) {
    const struct task_struct* t = (const void*)task;
    const struct signal_struct___grouped* signal = (const void*)BPF_CORE_READ(t, signal);
    struct thread_walk w = {
        .head = (__u64)signal + bpf_core_field_offset(struct signal_struct___grouped, thread_head),
        .at = (__u64)BPF_CORE_READ(signal, thread_head.next),
        .found = unknown_zero,
    };
    bpf_loop(MOST_THREADS, next_thread, &w, 0);
    return w.found != 0;
}

/* ---- all together ------------------------------------------------------------------------- */

static __always_inline bool has_comm(const struct brink_selector* s, __u64 task, __u64 comm) {
    const __u64* wanted = (const __u64*)s->comm;
    __u64 own[2] = {};
    if (!comm)
        comm = task + bpf_core_field_offset(struct task_struct, comm);
    bpf_probe_read_kernel_str(own, sizeof own, (const void*)comm);
    return own[0] == wanted[0] && own[1] == wanted[1];
}

__noinline int is_selected(__u64 task, __u32 selector, __u64 comm) {
    const struct brink_selector* s = bpf_map_lookup_elem(&selectors, &selector);
    const struct task_struct___selected* t = (const void*)task;
    if (!s)
        return 0;
    switch (s->by) {
    case BRINK_SELECT_ALL:
        return 1;
    case BRINK_SELECT_COMM:
        return has_comm(s, task, comm);
    case BRINK_SELECT_USER:
        return BPF_CORE_READ(t, real_cred, uid.val) == s->uid;
    case BRINK_SELECT_EXE:
        return executes_file(task, selector);
    case BRINK_SELECT_REALTIME:
        return is_realtime(task);
    default:
        return in_cgroup(task, selector);
    }
}

/* The watches, a bit for each, whose selection means the process of main thread `task`. `comm`: the address of the
 * name that it is about to have; 0: it has it. */
__noinline __u64 selected_watches(__u64 task, __u64 comm) {
    __u64 watches = 0;
    for (__u32 i = 0; i < BRINK_MAX_SELECTORS && i < n_selectors; i++) {
        __u32 key = i;
        const struct brink_selector* s = bpf_map_lookup_elem(&selectors, &key);
        if (s && is_selected(task, i, comm))
            watches |= s->watches;
    }
    return watches;
}
