// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which selections a process is of, from what the kernel knows of its main thread at this moment: nothing is
 * remembered, so nothing can be out of date. Runs where a process forks, executes, moves or changes, never where
 * something is counted. Only numbers are passed on: each function here is verified once, by itself. Calls may be eight
 * deep in all, callbacks included. */
#include "tally.bpf.h"

#define MOST_DEPTH 32  /* of a cgroup */
#define MOST_STEPS 128 /* names and mount points of a path */
#define MOST_LINKS 32  /* hierarchies of cgroups */
#define MOST_THREADS (1 << 16)
#define PIECE 32 /* bytes of a name that are compared at once */
#define SCHED_FIFO 1
#define SCHED_RR 2
#define SCHED_DEADLINE 6

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, BRINK_MAX_SELECTORS);
    __type(key, __u32);
    __type(value, struct brink_selector);
} selectors SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, BRINK_MAX_SELECTOR_NAMES);
    __type(key, __u32);
    __type(value, struct brink_selector_name);
} selector_names SEC(".maps");

/* The hierarchy `name=systemd` of cgroup v1; 0: there is none. */
__s32 systemd_hierarchy = 0;

/* ---- what is read of the kernel here only ------------------------------------------------- */

struct kernfs_node___named {
    const char* name;
    struct kernfs_node* __parent;
} CORE;

/* 6.15 (commit 633488947ef6) renamed parent to __parent. */
struct kernfs_node___before_6_15 {
    struct kernfs_node* parent;
} CORE;

struct cgroup_root {
    int hierarchy_id;
} CORE;

struct cgroup___placed {
    int level;
    struct cgroup_root* root;
} CORE;

struct cgrp_cset_link {
    struct cgroup* cgrp;
    struct list_head cgrp_link;
} CORE;

struct css_set___linked {
    struct list_head cgrp_links;
} CORE;

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

struct signal_struct___grouped {
    struct list_head thread_head;
} CORE;

struct task_struct___selected {
    unsigned int policy;
    const struct cred* real_cred; /* `cred` can be another's for a while: override_creds() */
    struct list_head thread_node;
} CORE;

static __always_inline __u64 parent_of(__u64 node) {
    const struct kernfs_node___named* n = (const void*)node;
    if (bpf_core_field_exists(n->__parent))
        return (__u64)BPF_CORE_READ(n, __parent);
    const struct kernfs_node___before_6_15* old = (const void*)node;
    return (__u64)BPF_CORE_READ(old, parent);
}

/* ---- names -------------------------------------------------------------------------------- */

/* Whether the string at `text` is name number `name`; not `whole`: whether it begins with it. */
static __always_inline bool compare(__u64 text, __u32 name, bool whole) {
    const struct brink_selector_name* n = bpf_map_lookup_elem(&selector_names, &name);
    if (!n)
        return false;
    __u32 rest = n->bytes + whole; /* with the 0 at its end */
    for (__u32 at = 0; at < BRINK_NAME_BYTES; at += PIECE) {
        __u64 piece[2 * PIECE / 8] = {};
        __u64 bytes = rest < PIECE ? rest : PIECE;
        asm volatile("" : "+r"(bytes));
        bytes &= 2 * PIECE - 1;
        if (bpf_probe_read_kernel(piece, (__u32)bytes, (const void*)(text + at)))
            return false;
        const __u64* wanted = (const __u64*)&n->text[at];
        if (piece[0] != wanted[0] || piece[1] != wanted[1] || piece[2] != wanted[2] ||
            piece[3] != wanted[3])
            return false;
        if (rest <= PIECE)
            return true;
        rest -= PIECE;
    }
    return false;
}

__noinline int text_is(__u64 text, __u32 name) {
    return compare(text, name, true);
}

struct search {
    __u64 text;
    __u32 name;
    __u32 found;
};

/* Whether an ID stands at place `i` of a name: at its beginning, or behind "docker-", "cri-containerd-" and the like;
 * "libpod-conmon-" has the ID of a container and is not of it. */
static long id_at(__u32 i, struct search* s) {
    char before = 0;
    if (i) {
        if (bpf_probe_read_kernel(&before, 1, (const void*)(s->text + i - 1)) || !before)
            return 1;
        if (before != '-')
            return 0;
    }
    if (!compare(s->text + i, s->name, false))
        return 0;
    __u64 word = 0;
    if (i >= 7 && !bpf_probe_read_kernel(&word, 7, (const void*)(s->text + i - 7)) &&
        word == 0x2d6e6f6d6e6f63) /* "conmon-" */
        return 0;
    s->found = 1;
    return 1;
}

__noinline int text_holds_id(__u64 text, __u32 name) {
    struct search s = {.text = text, .name = name, .found = unknown_zero};
    bpf_loop(BRINK_NAME_BYTES - 1, id_at, &s, 0);
    return s.found != 0;
}

/* systemd puts a '_' before a name that a file of a controller could have. */
static __always_inline bool is_unit(__u64 text, __u32 name) {
    char first = 0;
    if (text_is(text, name))
        return true;
    return !bpf_probe_read_kernel(&first, 1, (const void*)text) && first == '_' &&
           text_is(text + 1, name);
}

/* ---- cgroups ------------------------------------------------------------------------------ */

struct link_walk {
    __u64 head;
    __u64 at;
    __u64 found;
};

static long next_link(__u32 i, struct link_walk* w) {
    if (w->at == w->head)
        return 1;
    const struct cgrp_cset_link* link = (const void*)w->at -
                                        bpf_core_field_offset(struct cgrp_cset_link, cgrp_link);
    const struct cgroup___placed* cgroup = (const void*)BPF_CORE_READ(link, cgrp);
    if (BPF_CORE_READ(cgroup, root, hierarchy_id) == systemd_hierarchy) {
        w->found = (__u64)cgroup;
        return 1;
    }
    w->at = (__u64)BPF_CORE_READ(link, cgrp_link.next);
    return 0;
}

/* The cgroup of `task` in the hierarchy of v2; where that is not made use of, in systemd's: what
 * Procfs::cgroup() says. */
__noinline __u64 cgroup_of(__u64 task) {
    const struct task_struct* t = (const void*)task;
    const struct css_set* set = BPF_CORE_READ(t, cgroups);
    const struct cgroup___placed* cgroup = (const void*)BPF_CORE_READ(set, dfl_cgrp);
    if (!systemd_hierarchy || BPF_CORE_READ(cgroup, level))
        return (__u64)cgroup;
    const struct css_set___linked* linked = (const void*)set;
    struct link_walk w = {
        .head = (__u64)linked + bpf_core_field_offset(struct css_set___linked, cgrp_links),
        .at = (__u64)BPF_CORE_READ(linked, cgrp_links.next),
        .found = unknown_zero,
    };
    bpf_loop(MOST_LINKS, next_link, &w, 0);
    return w.found ? w.found : (__u64)cgroup;
}

struct cgroup_walk {
    __u64 node;
    __u32 by;
    __u32 name;  /* the one to compare with; those of a path from the last to the first */
    __u32 left;  /* how many names of a path are left */
    __u32 above; /* levels to go up before that */
    __u32 found;
};

static __always_inline bool fits(const struct cgroup_walk* w, __u64 text) {
    if (w->by == BRINK_SELECT_UNIT)
        return is_unit(text, w->name);
    if (w->by == BRINK_SELECT_CONTAINER)
        return text_holds_id(text, w->name);
    return text_is(text, w->name);
}

static long next_level(__u32 i, struct cgroup_walk* w) {
    const struct kernfs_node___named* node = (const void*)w->node;
    __u64 parent = parent_of(w->node);
    if (!parent) /* the root, which has no name */
        return 1;
    w->node = parent;
    if (w->by == BRINK_SELECT_CGROUP && w->above) {
        w->above--;
        return 0;
    }
    bool same = fits(w, (__u64)BPF_CORE_READ(node, name));
    if (w->by != BRINK_SELECT_CGROUP) {
        w->found = same;
        return same;
    }
    w->name--;
    w->left--;
    w->found = same && !w->left;
    return !same || !w->left;
}

__noinline int in_cgroup(__u64 task, __u32 selector) {
    const struct brink_selector* s = bpf_map_lookup_elem(&selectors, &selector);
    const struct cgroup___placed* cgroup = (const void*)cgroup_of(task);
    if (!s)
        return 0;
    __u32 level = (__u32)BPF_CORE_READ(cgroup, level);
    struct cgroup_walk w = {
        .node = (__u64)BPF_CORE_READ((const struct cgroup*)cgroup, kn),
        .by = s->by,
        .name = s->first_name,
        .found = unknown_zero,
    };
    if (s->by == BRINK_SELECT_CGROUP) {
        if (!s->n_names || level < s->n_names)
            return !s->n_names;
        w.name += s->n_names - 1;
        w.left = s->n_names;
        w.above = level - s->n_names;
    }
    bpf_loop(MOST_DEPTH, next_level, &w, 0);
    return w.found != 0;
}

/* ---- programs ----------------------------------------------------------------------------- */

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
