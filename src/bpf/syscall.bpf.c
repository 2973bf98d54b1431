// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Engine `tracepoint`: one raw tracepoint at the end of every system call, for kernels that refuse
 * tracing programs. It sees that a call ended, not what it did to the table, so it recounts. */
#include "subject.bpf.h"

#define N_SYSCALLS 512
#define I386_PRLIMIT64 340
#define TS_COMPAT 2 /* arch/x86/include/asm/thread_info.h: a 32-bit system call is under way */

/* What a system call can do to a descriptor table or its limit. Filled in by number before loading
 * (src/kernel/syscall_effects.cpp); what is not known can do anything. */
const volatile __u8 syscall_effect[N_SYSCALLS] = {};

static __always_inline __u32 effect_of(const struct task_struct* task, __u64 number) {
#if defined(__TARGET_ARCH_x86)
    if (task->thread_info.status & TS_COMPAT)
        return BRINK_EFFECT_ANY | BRINK_EFFECT_TABLE | BRINK_EFFECT_LIMIT |
               (number == I386_PRLIMIT64 ? BRINK_EFFECT_ALL_LIMITS : 0);
#endif
    return number < N_SYSCALLS ? syscall_effect[number] : BRINK_EFFECT_ANY;
}

static long look_at_limit(__u32 i, void* unused) {
    struct brink_tally* t = tally_of(i + 1);
    const struct signal_struct* signal = t ? (const void*)t->signal : 0;
    if (signal && t->table && BPF_CORE_READ(signal, rlim[RLIMIT_NOFILE].rlim_cur) != t->limit)
        tally_limit(i + 1);
    return 0;
}

/* prlimit(2) can name any process, in numbers of the caller's pid namespace: unless it is the caller
 * itself, look at all tallies. */
static __always_inline void follow_limit(const struct task_struct* task, __u32 effect,
                                         const struct pt_regs* regs) {
#if defined(__TARGET_ARCH_x86)
    __u32 target = (__u32)regs->di, resource = (__u32)regs->si;
    bool changes = regs->dx;
#else
    __u32 target = (__u32)regs->regs[0], resource = (__u32)regs->regs[1];
    bool changes = regs->regs[2];
#endif
    if (effect & BRINK_EFFECT_PRLIMIT && (!changes || resource != RLIMIT_NOFILE))
        return;
    if (effect & BRINK_EFFECT_ALL_LIMITS || (effect & BRINK_EFFECT_PRLIMIT && target)) {
        bpf_loop(n_tallies - 1, look_at_limit, 0, 0);
        return;
    }
    struct brink_subject* s = subject_of((__u32)task->tgid);
    if (!s)
        return;
    for (int i = 0; i < BRINK_MAX_PER_SUBJECT; i++) {
        if (s->tally[i])
            tally_limit(s->tally[i]);
    }
}

static __always_inline void follow_table(const struct task_struct* task) {
    struct brink_subject* s = subject_of((__u32)task->tgid);
    if (!s)
        return;
    for (int i = 0; i < BRINK_MAX_PER_SUBJECT; i++) {
        __u32 id = s->tally[i];
        struct brink_tally* t = id ? tally_of(id) : 0;
        if (t && t->pid == (__u32)task->pid)
            subject_move(id, address_of(task->files));
    }
}

SEC("raw_tp/sys_exit")
int on_sys_exit(struct bpf_raw_tracepoint_args* ctx) {
    struct task_struct* task = bpf_get_current_task_btf();
    const struct pt_regs* regs = (const struct pt_regs*)bpf_task_pt_regs(task);
    __u32 effect = effect_of(task, system_call_of(task));
    if (!effect)
        return 0;
    if (effect & BRINK_EFFECT_TABLE)
        follow_table(task);
    if (effect & (BRINK_EFFECT_LIMIT | BRINK_EFFECT_PRLIMIT))
        follow_limit(task, effect, regs);
    if ((__s64)ctx->args[1] == -EMFILE)
        denied(task, EMFILE);
    if (effect & BRINK_EFFECT_ANY)
        count(address_of(task->files), CHANGE_ANY, 0);
    else if (effect & BRINK_EFFECT_SMALL)
        count(address_of(task->files), CHANGE_SMALL, 0);
    return 0;
}
