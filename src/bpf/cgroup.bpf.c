// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The counts of cgroups: processes (kernel/cgroup/pids.c), memory and swap (mm/page_counter.c). What is counted for a cgroup
 * is counted for those above it; each is a subject of its own, against its own limit. The root has no limit. */
#include "shared.bpf.h"
#include "users.bpf.h"

#define MOST_ABOVE 24       /* cgroups from one up to the root that are looked at */
#define MOST_MIGRATING 16   /* sets of cgroups that leave together */
#define NO_PIDS 4194305     /* PIDS_MAX: no limit */
#define CSS_ONLINE (1 << 1) /* include/linux/cgroup-defs.h */
#define CSS_DYING (1 << 4)

enum cgroup_subsys_id { memory_cgrp_id, pids_cgrp_id };

struct cgroup_subsys {
    int id;
} CORE;

struct cgroup_subsys_state {
    struct cgroup* cgroup;
    struct cgroup_subsys* ss;
    struct cgroup_subsys_state* parent;
    unsigned int flags;
} CORE;

typedef struct {
    __s64 counter;
} CORE atomic64_t;

struct pids_cgroup {
    struct cgroup_subsys_state css;
    atomic64_t counter;
    atomic64_t limit;
} CORE;

struct page_counter {
    atomic_long_t usage;
    unsigned long high;
    unsigned long max;
    struct page_counter* parent;
} CORE;

struct mem_cgroup {
    struct cgroup_subsys_state css;
    struct page_counter memory;
    struct page_counter swap;
} CORE;

struct cgroup_taskset {
    struct list_head src_csets;
} CORE;

struct css_set___moving {
    struct css_set* mg_dst_cset;
    struct list_head mg_node;
} CORE;

struct task_struct___grouped {
    struct css_set* cgroups;
} CORE;

/* Where the state of a cgroup lies before the object that has the number. */
static __always_inline __u64 state_of(__u64 object, __u32 kind) {
    if (kind == BRINK_KIND_CGROUP_PIDS)
        return object - bpf_core_field_offset(struct pids_cgroup, css);
    return object - (kind == BRINK_KIND_CGROUP_SWAP
                         ? bpf_core_field_offset(struct mem_cgroup, swap)
                         : bpf_core_field_offset(struct mem_cgroup, memory));
}

static __always_inline __u64 object_of(__u64 state, __u32 kind) {
    if (kind == BRINK_KIND_CGROUP_PIDS)
        return state + bpf_core_field_offset(struct pids_cgroup, css);
    return state + (kind == BRINK_KIND_CGROUP_SWAP
                        ? bpf_core_field_offset(struct mem_cgroup, swap)
                        : bpf_core_field_offset(struct mem_cgroup, memory));
}

/* The number of the cgroup, which is never used again; 0: it is gone, or its controller is. */
__noinline __u64 cgroup_id(__u64 object, __u32 kind) {
    const struct cgroup_subsys_state* state = (const void*)state_of(object, kind);
    __u32 flags = BPF_CORE_READ(state, flags);
    if (!(flags & CSS_ONLINE) || flags & CSS_DYING)
        return 0;
    return BPF_CORE_READ(state, cgroup, kn, id);
}

__noinline __u64 cgroup_read(__u64 object, __u32 kind) {
    const struct pids_cgroup* pids = (const void*)object;
    const struct page_counter* counter = (const void*)object;
    if (kind == BRINK_KIND_CGROUP_PIDS)
        return (__u64)BPF_CORE_READ(pids, counter.counter);
    long pages = BPF_CORE_READ(counter, usage.counter);
    return pages > 0 ? (__u64)pages << page_shift : 0;
}

__noinline __u64 cgroup_limit(__u64 object, __u32 kind) {
    const struct pids_cgroup* pids = (const void*)object;
    const struct page_counter* counter = (const void*)object;
    if (kind == BRINK_KIND_CGROUP_PIDS) {
        __u64 limit = (__u64)BPF_CORE_READ(pids, limit.counter);
        return limit < NO_PIDS ? limit : ~0ull;
    }
    __u64 pages = kind == BRINK_KIND_CGROUP_MEMORY_HIGH ? BPF_CORE_READ(counter, high)
                                                        : BPF_CORE_READ(counter, max);
    return pages < BRINK_NEVER >> page_shift ? pages << page_shift : ~0ull;
}

/* The state of a controller in a cgroup, or in a set of cgroups: `states` is the address of its array. */
static __always_inline __u64 state_in(const void* states, __u64 controller) {
    __u64 state = 0;
    bpf_probe_read_kernel(&state, sizeof state, states + 8 * controller);
    return state;
}

static __always_inline __u64 pids_of(__u64 set) {
    return state_in((const void*)set + bpf_core_field_offset(struct css_set, subsys),
                    bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id));
}

/* The object with the number of `kind` in the cgroup behind a directory `inode` of a hierarchy; 0: its controller is not
 * enabled there. */
__noinline __u64 cgroup_object(__u64 inode, __u32 kind) {
    const struct kernfs_node* node = BPF_CORE_READ((const struct inode*)inode, i_private);
    const void* cgroup = BPF_CORE_READ(node, priv);
    if (!cgroup)
        return 0;
    __u64 controller = kind == BRINK_KIND_CGROUP_PIDS
                           ? bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id)
                           : bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
    __u64 state = state_in(cgroup + bpf_core_field_offset(struct cgroup, subsys), controller);
    if (!state || !BPF_CORE_READ((const struct cgroup_subsys_state*)state, parent))
        return 0;
    return object_of(state, kind);
}

/* The processes of a cgroup with `state`, and so of those above it, are more or fewer. */
static __always_inline void pids_changed(__u64 state) {
    for (int i = 0; i < MOST_ABOVE && state; i++) {
        shared_changed(object_of(state, BRINK_KIND_CGROUP_PIDS), BRINK_KIND_CGROUP_PIDS);
        state = (__u64)BPF_CORE_READ((const struct cgroup_subsys_state*)state, parent);
    }
}

/* A fork was refused: by the first from `state` up that is full. */
__noinline int pids_denied(__u64 state) {
    for (int i = 0; i < MOST_ABOVE && state; i++) {
        __u64 pids = object_of(state, BRINK_KIND_CGROUP_PIDS);
        __u64 usage = cgroup_read(pids, BRINK_KIND_CGROUP_PIDS);
        if (usage >= cgroup_limit(pids, BRINK_KIND_CGROUP_PIDS)) {
            if (index_slot(pids))
                shared_denied(pids, BRINK_KIND_CGROUP_PIDS, usage, EAGAIN);
            return 0;
        }
        state = (__u64)BPF_CORE_READ((const struct cgroup_subsys_state*)state, parent);
    }
    return 0;
}

static __always_inline __u64 set_of(const void* task) {
    return (__u64)BPF_CORE_READ((const struct task_struct___grouped*)task, cgroups);
}

/* Where a child is to be: `set`, if that is not 0, else where its parent is. */
static __always_inline __u64 place_of_child(const void* set) {
    __u64 named = address_of(set);
    return named ? named : set_of((const void*)bpf_get_current_task());
}

SEC("fexit/pids_can_fork")
int BPF_PROG(on_pids_can_fork, void* task, const void* set, int result) {
    __u64 where = place_of_child(set);
    if (result)
        pids_denied(pids_of(where));
    else
        NOTED(pids_changed(pids_of(where)));
    return 0;
}

SEC("fexit/pids_cancel_fork")
int BPF_PROG(on_pids_cancel_fork, void* task, const void* set) {
    __u64 where = place_of_child(set);
    NOTED(pids_changed(pids_of(where)));
    return 0;
}

SEC("fexit/pids_release")
int BPF_PROG(on_pids_release, void* task) {
    NOTED(pids_changed(pids_of(set_of(task))));
    return 0;
}

/* Tasks go from the cgroups of each set in the list to those of its mg_dst_cset, or do not after all. */
static __always_inline void moves(const void* tasks) {
    __u64 head = (__u64)tasks + bpf_core_field_offset(struct cgroup_taskset, src_csets);
    __u64 node = (__u64)BPF_CORE_READ((const struct list_head*)head, next);
    for (int i = 0; i < MOST_MIGRATING; i++) {
        if (!node || node == head)
            return;
        __u64 set = node - bpf_core_field_offset(struct css_set___moving, mg_node);
        const struct css_set___moving* from = (const void*)set;
        pids_changed(pids_of((__u64)BPF_CORE_READ(from, mg_dst_cset)));
        pids_changed(pids_of(set));
        node = (__u64)BPF_CORE_READ((const struct list_head*)node, next);
    }
    unsettled(); /* so many at once that the reader has to look */
}

SEC("fexit/pids_can_attach")
int BPF_PROG(on_pids_can_attach, const void* tasks) {
    NOTED(moves((const void*)address_of(tasks)));
    return 0;
}

SEC("fexit/pids_cancel_attach")
int BPF_PROG(on_pids_cancel_attach, const void* tasks) {
    NOTED(moves((const void*)address_of(tasks)));
    return 0;
}

/* A page counter, and so those above it, has another number. */
static __always_inline void pages_changed(__u64 counter) {
    for (int i = 0; i < MOST_ABOVE && counter; i++) {
        shared_changed(counter, SHARED_ANY);
        counter = (__u64)BPF_CORE_READ((const struct page_counter*)counter, parent);
    }
}

SEC("fexit/page_counter_try_charge")
int BPF_PROG(on_page_counter_try_charge, const struct page_counter* counter) {
    NOTED(pages_changed(address_of(counter)));
    return 0;
}

SEC("fexit/page_counter_charge")
int BPF_PROG(on_page_counter_charge, const struct page_counter* counter) {
    NOTED(pages_changed(address_of(counter)));
    return 0;
}

SEC("fexit/page_counter_uncharge")
int BPF_PROG(on_page_counter_uncharge, const struct page_counter* counter) {
    NOTED(pages_changed(address_of(counter)));
    return 0;
}

static __always_inline void appears(__u64 object, __u32 family) {
    shared_changed(object, 0); /* the address may have been another one's */
    shared_appears(object, family);
}

/* A controller is enabled in a cgroup, as a rule in a new one. */
SEC("fexit/online_css")
int BPF_PROG(on_online_css, const struct cgroup_subsys_state* css) {
    __u64 controller = (__u64)(__u32)css->ss->id;
    __u64 state = address_of(css);
    if (controller == bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id)) {
        appears(object_of(state, BRINK_KIND_CGROUP_PIDS), FAMILY_CGROUP_PIDS);
    } else if (controller == bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)) {
        appears(object_of(state, BRINK_KIND_CGROUP_MEMORY), FAMILY_CGROUP_MEMORY);
        appears(object_of(state, BRINK_KIND_CGROUP_SWAP), FAMILY_CGROUP_SWAP);
    }
    return 0;
}

/* Ends the tallies of a cgroup that is gone; up to as many as it can have. */
static __always_inline void end_all(__u64 subject, __u32 family) {
    __u32 id = unknown_zero;
    for (int i = 0; i < BRINK_MAX_PER_SUBJECT; i++) {
        id = shared_after(subject, family, id);
        if (!id)
            return;
        subject_end(id);
    }
}

SEC("raw_tp/cgroup_rmdir")
int on_cgroup_rmdir(struct bpf_raw_tracepoint_args* ctx) {
    __u64 subject = BPF_CORE_READ((const struct cgroup*)ctx->args[0], kn, id);
    end_all(subject, FAMILY_CGROUP_PIDS);
    end_all(subject, FAMILY_CGROUP_MEMORY);
    end_all(subject, FAMILY_CGROUP_SWAP);
    return 0;
}

/* A file of a cgroup was written: its limits may be other ones. */
SEC("fexit/cgroup_file_write")
int on_cgroup_file_write(void* ctx) {
    follow_changed_limits();
    return 0;
}
