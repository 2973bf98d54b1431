// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The counts of users (kernel/ucount.c): processes, message queues, queued signals, SHM_LOCK, inotify. What a process does
 * is counted for its user, and for the makers of the user namespaces that it is in. Each process has an rlimit of its own
 * for the same count: the lowest that is known is the limit of the user. */
#include "shared.bpf.h"
#include "users.bpf.h"

#define MOST_NAMESPACES 33           /* user_namespaces(7): 32 below the first */
#define TRACE_SIGNAL_OVERFLOW_FAIL 3 /* include/trace/events/signal.h: the sender gets EAGAIN */

__u32 limits_stale __weak; /* the lowest limit of a user may have risen: the reader is to look */

/* What a user is known by; 0: nobody has a reference to `counts` any more. */
__noinline __u64 user_id(__u64 object) {
    const struct ucounts* counts = (const void*)object;
    const struct ucounts___rcuref* with_rcuref = (const void*)object;
    __u32 references = 0;
    bpf_probe_read_kernel(&references, sizeof references,
                          (const void*)counts + bpf_core_field_offset(struct ucounts, count));
    if (bpf_core_field_exists(with_rcuref->rcu) ? references >= RCUREF_RELEASED
                                                : (__s32)references <= 0)
        return 0;
    return (__u64)BPF_CORE_READ(counts, ns, ns.inum) << 32 | BPF_CORE_READ(counts, uid.val);
}

__noinline __u64 user_read(__u64 object, __u32 kind) {
    const struct ucounts* counts = (const void*)object;
    __s64 count = 0;
    if (has_rlimit(kind))
        bpf_probe_read_kernel(&count, sizeof count,
                              (const void*)counts + bpf_core_field_offset(struct ucounts, rlimit) +
                                  8 * (kind - BRINK_KIND_USER_PROCESSES));
    else
        count = (__s64)user_count(counts, inotify_type(kind));
    if (count < 0)
        return 0;
    return kind == BRINK_KIND_USER_LOCKED ? (__u64)count << page_shift : (__u64)count;
}

__noinline __u64 user_limit(__u64 where, __u32 kind, __u32 hard) {
    if (has_rlimit(kind)) {
        const struct brink_tally* t = tally_of((__u32)where);
        return !t ? ~0ull : hard ? t->lowest_hard : t->lowest;
    }
    if (hard)
        return ~0ull;
    const struct user_namespace* ns = BPF_CORE_READ((const struct ucounts*)where, ns);
    __u64 limit = ~0ull;
    bpf_probe_read_kernel(&limit, sizeof limit,
                          (const void*)ns +
                              bpf_core_field_offset(struct user_namespace, ucount_max) +
                              8 * inotify_type(kind));
    return limit;
}

/* A process of the user, that of `signal`, has a limit which may be lower than what is known. */
__noinline int user_gather(__u32 id, __u64 signal) {
    struct brink_tally* t = tally_of(id);
    if (!t || !user_is_held(t))
        return 0;
    return user_lower(t, signal) ? tally_limit(id) : 0;
}

/* `counts` and those above them have another number of `kind`. */
static __always_inline void changed(const struct ucounts* counts, __u32 kind) {
    for (int i = 0; i < MOST_NAMESPACES; i++) {
        __u64 object = address_of(counts);
        if (!object)
            return;
        shared_changed(object, kind);
        counts = counts->ns->ucounts;
    }
}

/* The same from a number, for what a program returns. */
static __always_inline void changed_at(__u64 object, __u32 kind) {
    for (int i = 0; i < MOST_NAMESPACES && object; i++) {
        shared_changed(object, kind);
        object = (__u64)BPF_CORE_READ((const struct ucounts*)object, ns, ucounts);
    }
}

/* The errno with which the kernel refuses the current task what would make `pages` (or processes, or bytes) of
 * `kind`; 0: it does not. The comparison is the kernel's own, with the number that its addition has given. A process
 * that takes other credentials is counted, too, before they are its own, and refused nothing. */
static __always_inline __u32 refusal(__u64 counts, __u32 kind, __s64 sum) {
    const struct task_struct* task = bpf_get_current_task_btf();
    __u64 limit = rlimit_now((__u64)BPF_CORE_READ(task, signal), rlimit_of(kind)).rlim_cur;
    if (kind == BRINK_KIND_USER_LOCKED && limit != ~0ull)
        limit >>= page_shift;
    if (sum >= 0 && (__u64)sum <= limit)
        return 0;
    switch (kind) {
    case BRINK_KIND_USER_PROCESSES: {
        const struct ucounts* user = (const void*)counts;
        bool held = BPF_CORE_READ(user, uid.val) != 0 && !is_capable(task, CAP_SYS_RESOURCE) &&
                    !is_capable(task, CAP_SYS_ADMIN);
        return held && counts == user_of(task) ? EAGAIN : 0;
    }
    case BRINK_KIND_USER_QUEUES:
        return EMFILE;
    default:
        return limit == ~0ull || is_capable(task, CAP_IPC_LOCK) ? 0 : ENOMEM;
    }
}

/* The current process is, or is about to be, one of the user's: its limits hold the user, too. */
static __always_inline void joins(__u64 counts, __u64 signal) {
    struct shared_walk w = {.object = counts};
    for (int i = 0; i < SHARED_MOST && w.place != INDEX_END; i++) {
        if (shared_next(&w))
            user_gather(w.id, signal);
    }
}

/* `more` of `kind` was added, `sum` is what there is now. If that is too much the kernel takes it back at once: the
 * errno is the answer. */
__noinline int user_refused(__u64 counts, __u32 kind, __u64 more, __u64 sum) {
    __u32 error = refusal(counts, kind, (__s64)sum);
    if (!error)
        return 0;
    if (kind == BRINK_KIND_USER_LOCKED)
        more <<= page_shift;
    shared_denied(counts, kind, user_read(counts, kind) - more, error);
    return (int)error;
}

static __always_inline void rises(const struct ucounts* counts, __u32 kind, __u64 more, __u64 sum) {
    __u64 user = address_of(counts);
    if (index_slot(user)) {
        if (kind == BRINK_KIND_USER_PROCESSES)
            joins(user, address_of(bpf_get_current_task_btf()->signal));
        if (user_refused(user, kind, more, sum))
            return;
    }
    changed(counts, kind);
}

SEC("fexit/inc_rlimit_ucounts")
int BPF_PROG(on_inc_rlimit_ucounts, const struct ucounts* counts, __u32 type, long more, long sum) {
    NOTED(rises(counts, BRINK_KIND_USER_PROCESSES + type, (__u64)more, (__u64)sum));
    return 0;
}

SEC("fexit/dec_rlimit_ucounts")
int BPF_PROG(on_dec_rlimit_ucounts, const struct ucounts* counts, __u32 type) {
    NOTED(changed(counts, BRINK_KIND_USER_PROCESSES + type));
    return 0;
}

/* Signals alone are counted by these two, with a reference to the user for the first. */
SEC("fexit/inc_rlimit_get_ucounts")
int BPF_PROG(on_inc_rlimit_get_ucounts, const struct ucounts* counts, __u32 type) {
    NOTED(changed(counts, BRINK_KIND_USER_PROCESSES + type));
    return 0;
}

SEC("fexit/dec_rlimit_put_ucounts")
int BPF_PROG(on_dec_rlimit_put_ucounts, const struct ucounts* counts, __u32 type) {
    NOTED(changed(counts, BRINK_KIND_USER_PROCESSES + type));
    return 0;
}

/* Runs with the lock of the receiver's signals held, so that nobody preempts it. */
SEC("raw_tp/signal_generate")
int on_signal_generate(struct bpf_raw_tracepoint_args* ctx) {
    if ((__u32)ctx->args[4] != TRACE_SIGNAL_OVERFLOW_FAIL)
        return 0;
    __u64 user = user_of((const void*)ctx->args[2]);
    if (index_slot(user))
        shared_denied(user, BRINK_KIND_USER_SIGNALS, user_read(user, BRINK_KIND_USER_SIGNALS),
                      EAGAIN);
    return 0;
}

/* The kernel does not say whose counts were full: those of the user, for whom all tallies are searched. */
__noinline int inotify_denied(__u32 namespace, __u32 uid, __u32 kind) {
    __u64 subject = (__u64) namespace << 32 | uid;
    __u32 error = kind == BRINK_KIND_USER_INOTIFY_INSTANCES ? EMFILE : ENOSPC;
    __u32 id = shared_after(subject, FAMILY_USER, 0);
    const struct brink_tally* t = id ? tally_of(id) : 0;
    __u64 usage = t ? user_read(t->table, kind) : 0;
    if (t && usage >= user_limit(t->table, kind, 0))
        shared_denied(t->table, kind, usage, error);
    return 0;
}

static __always_inline __u32 inotify_kind(__u64 type) {
    if (type == inotify_type(BRINK_KIND_USER_INOTIFY_INSTANCES))
        return BRINK_KIND_USER_INOTIFY_INSTANCES;
    return type == inotify_type(BRINK_KIND_USER_INOTIFY_WATCHES) ? BRINK_KIND_USER_INOTIFY_WATCHES
                                                                 : 0;
}

SEC("fexit/inc_ucount")
int BPF_PROG(on_inc_ucount, const struct user_namespace* ns, __u64 uid, __u32 type) {
    __u32 kind = inotify_kind(type);
    __u64 counts = 0;
    if (!kind || bpf_get_func_ret(ctx, &counts))
        return 0;
    if (!counts) {
        inotify_denied(ns->ns.inum, (__u32)uid, kind);
        return 0;
    }
    NOTED(changed_at(counts, kind));
    return 0;
}

SEC("fexit/dec_ucount")
int BPF_PROG(on_dec_ucount, const struct ucounts* counts, __u32 type) {
    __u32 kind = inotify_kind(type);
    if (kind)
        NOTED(changed(counts, kind));
    return 0;
}

/* The counts of a user are asked for, and made if there are none. */
SEC("fexit/alloc_ucounts")
int BPF_PROG(on_alloc_ucounts) {
    __u64 counts = 0;
    if (bpf_get_func_ret(ctx, &counts) || !counts)
        return 0;
    shared_changed(counts, 0); /* the address may have been another one's */
    NOTED(shared_appears(counts, FAMILY_USER));
    return 0;
}

SEC("fexit/put_ucounts")
int BPF_PROG(on_put_ucounts, const struct ucounts* counts) {
    NOTED(shared_changed(address_of(counts), 0));
    return 0;
}

struct rlimited {
    __u64 counts;
    __u64 signal;
    __u32 number;
    __u32 alone;
};

static __always_inline void follow_rlimit(struct brink_tally* t, __u32 id,
                                          const struct rlimited* r) {
    struct rlimit limit = rlimit_now(r->signal, r->number);
    if (limit.rlim_cur > t->lowest && !r->alone) {
        limits_stale = 1; /* it may have been this one that was the lowest */
        wake_reader();
        return;
    }
    t->lowest = t->gathered = limit.rlim_cur;
    t->lowest_hard = t->gathered_hard = limit.rlim_max;
    tally_limit(id);
}

/* RLIMIT_… `number` of the process of `signal` has changed; `threads`: how many it has. */
__noinline int user_rlimit(__u64 counts, __u64 signal, __u32 number, __u32 threads) {
    struct rlimited r = {
        .counts = counts,
        .signal = signal,
        .number = number,
        .alone = user_read(counts, BRINK_KIND_USER_PROCESSES) == threads,
    };
    struct shared_walk w = {.object = counts};
    for (int i = 0; i < SHARED_MOST && w.place != INDEX_END; i++) {
        struct brink_tally* t = shared_next(&w);
        if (t && user_is_held(t) && rlimit_of(t->kind) == number)
            follow_rlimit(t, w.id, &r);
    }
    return 0;
}

SEC("fexit/do_prlimit")
int BPF_PROG(on_do_prlimit_user, struct task_struct* task, unsigned int number, void* new_limit,
             void* old_limit, int result) {
    if (!new_limit || result)
        return 0;
    const struct signal_struct___threads* threads = (const void*)task->signal;
    __u64 user = user_of(task);
    if (index_slot(user))
        NOTED(user_rlimit(user, address_of(task->signal), number, (__u32)threads->nr_threads));
    return 0;
}
