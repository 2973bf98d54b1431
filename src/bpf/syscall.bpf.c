// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Engine `tracepoint`: one raw tracepoint at the end of every system call, for kernels that refuse
 * tracing programs. It sees that a call ended, not what it did to the table, so it recounts. */
#include "subject.bpf.h"

#define N_SYSCALLS 512
#define I386_PRLIMIT64 340
#define TS_COMPAT 2 /* arch/x86/include/asm/thread_info.h: a 32-bit system call is under way */

/* What a system call can do to a descriptor table or its limit. Filled in by number before loading
 * (src/kernel/syscall_effects.cpp); what is not known can do anything. */
const volatile __u16 syscall_effect[N_SYSCALLS] = {};

static __always_inline __u32 effect_of(const struct task_struct* task, __u64 number) {
#if defined(__TARGET_ARCH_x86)
    if (task->thread_info.status & TS_COMPAT)
        return BRINK_EFFECT_ANY | BRINK_EFFECT_TABLE | BRINK_EFFECT_LIMIT | BRINK_EFFECT_IDS |
               BRINK_EFFECT_SELECTION | (number == I386_PRLIMIT64 ? BRINK_EFFECT_ALL_LIMITS : 0);
#endif
    return number < N_SYSCALLS ? syscall_effect[number] : BRINK_EFFECT_ANY;
}

/* Whether some kind of tally is held by RLIMIT_… `number`. */
static __always_inline bool is_followed(__u32 number) {
    const __u32 followed = 1 << RLIMIT_DATA | 1 << RLIMIT_STACK | 1 << RLIMIT_RSS |
                           1 << RLIMIT_NOFILE | 1 << RLIMIT_MEMLOCK | 1 << RLIMIT_AS;
    return number < 32 && followed >> number & 1;
}

/* Whose limit the call can have changed: nobody's, the caller's, or anybody's. prlimit(2) can name any process,
 * in numbers of the caller's pid namespace: unless it is the caller itself, all tallies are looked at. */
enum limits { LIMITS_NONE, LIMITS_OWN, LIMITS_ALL };

static __always_inline enum limits limits_changed(const struct task_struct* task, __u32 effect) {
    if (effect & BRINK_EFFECT_ALL_LIMITS)
        return LIMITS_ALL;
    if (effect & BRINK_EFFECT_PRLIMIT) {
        if (!call_argument(task, 2) || !is_followed((__u32)call_argument(task, 1)))
            return LIMITS_NONE;
        return (__u32)call_argument(task, 0) ? LIMITS_ALL : LIMITS_OWN;
    }
    return effect & BRINK_EFFECT_LIMIT ? LIMITS_OWN : LIMITS_NONE;
}

struct following {
    struct walk w;
    __u64 table; /* that of the caller */
    __u32 pid;
    __u32 effect;
};

static long follow_next(__u32 i, struct following* f) {
    struct walk w = f->w; /* as in visit_next */
    struct brink_tally* t = subject_next(&w);
    if (t && f->effect & BRINK_EFFECT_TABLE && !t->kind && t->pid == f->pid)
        subject_move(w.id, f->table);
    if (t && f->effect & BRINK_EFFECT_LIMIT)
        tally_limit(w.id);
    f->w = w;
    return w.place == INDEX_END;
}

/* The caller's own tallies after a call that can have given it another table or limit. */
static __always_inline void follow(const struct task_struct* task, bool table, bool limit) {
    struct following f = {
        .w = {.tgid = (__u32)task->tgid, .place = unknown_zero},
        .table = address_of(task->files),
        .pid = (__u32)task->pid,
        .effect = (table ? BRINK_EFFECT_TABLE : 0) | (limit ? BRINK_EFFECT_LIMIT : 0),
    };
    bpf_loop(BRINK_MAX_PER_SUBJECT, follow_next, &f, 0);
}

SEC("raw_tp/sys_exit")
int on_sys_exit(struct bpf_raw_tracepoint_args* ctx) {
    struct task_struct* task = bpf_get_current_task_btf();
    __u64 switches = task->nivcsw;
    __u32 effect = effect_of(task, system_call_of(task));
    if (!effect)
        return 0;
    enum limits limits = limits_changed(task, effect);
    if (effect & BRINK_EFFECT_TABLE || limits == LIMITS_OWN)
        follow(task, effect & BRINK_EFFECT_TABLE, limits == LIMITS_OWN);
    if (limits == LIMITS_ALL)
        follow_changed_limits();
    if (effect & BRINK_EFFECT_IDS && is_subject((__u32)task->tgid))
        owner_check((__u64)BPF_CORE_READ(task, real_cred), 0);
    if (effect & BRINK_EFFECT_MEMORY && is_subject((__u32)task->tgid))
        memory_call_ends((__s64)ctx->args[1]);
    if (effect & BRINK_EFFECT_SELECTION && n_selectors)
        select_process(selection_concerned(), SETTLE_IF_ALONE, 0);
    if ((__s64)ctx->args[1] == -EMFILE)
        denied(task, EMFILE);
    if (effect & (BRINK_EFFECT_ANY | BRINK_EFFECT_SMALL))
        count(address_of(task->files), effect & BRINK_EFFECT_ANY ? CHANGE_ANY : CHANGE_SMALL, 0);
    end_noted(task, switches);
    return 0;
}
