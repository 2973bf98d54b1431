// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whether a process is in a cgroup, in a unit of systemd or in a container: by the names of its cgroup and of those
 * above. Nothing is remembered of a cgroup, so that one may come later, go, and come again. */
#include "selector.bpf.h"

#define MOST_DEPTH 32 /* of a cgroup */
#define MOST_LINKS 32 /* hierarchies of cgroups */

/* The hierarchy `name=systemd` of cgroup v1; 0: there is none. */
__s32 systemd_hierarchy = 0;

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

static __always_inline __u64 parent_of(__u64 node) {
    const struct kernfs_node___named* n = (const void*)node;
    if (bpf_core_field_exists(n->__parent))
        return (__u64)BPF_CORE_READ(n, __parent);
    const struct kernfs_node___before_6_15* old = (const void*)node;
    return (__u64)BPF_CORE_READ(old, parent);
}

/* systemd puts a '_' before a name that a file of a controller could have. */
static __always_inline bool is_unit(__u64 text, __u32 name) {
    char first = 0;
    if (text_is(text, name))
        return true;
    return !bpf_probe_read_kernel(&first, 1, (const void*)text) && first == '_' &&
           text_is(text + 1, name);
}

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
