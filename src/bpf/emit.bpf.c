// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Records: reserve, fill in, submit, or count what found no room. Runs near levels only. */
#include "owner.bpf.h"
#include "tally.bpf.h"

char license_[] SEC("license") = "Dual BSD/GPL";

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096); /* set before loading */
} records SEC(".maps") __weak;

/* That of the tally's owner, or of whoever runs brink. */
static __always_inline struct view view_of(const struct brink_tally* t) {
    const struct brink_owner* o = owner_by(t->owner);
    struct view v = {.level = o ? o->pid_ns_level : ns_level, .inum = o ? o->pid_ns_inum : ns_inum};
    return v;
}

static __always_inline void fill_process(struct brink_record* r, const struct task_struct* leader,
                                         __u32 pid, struct view v) {
    r->pid = pid;
    r->ns_pid = v.level ? number_of(leader, v.level, v.inum) : pid;
    fill_identity(r, leader, v);
}

/* A subject that is no process; what is said of a process is said of the one that acted. */
static __always_inline void fill_shared(struct brink_record* r, const struct brink_tally* t,
                                        struct view v) {
    if (r->tid) {
        const struct task_struct* task = (const void*)bpf_get_current_task();
        const struct task_struct* leader = BPF_CORE_READ(task, group_leader);
        r->start_time_ns = start_time_ns(leader);
        fill_process(r, leader, (__u32)(bpf_get_current_pid_tgid() >> 32), v);
    }
    r->cgroup_id = t->subject_id;
}

static __always_inline void fill_subject(struct brink_record* r, struct brink_tally* t,
                                         struct view v) {
    const struct task_struct* leader = (const void*)t->leader;
    if (brink_is_shared(t->kind)) {
        fill_shared(r, t, v);
        return;
    }
    if (!t->start_time_ns)
        t->start_time_ns = start_time_ns(leader);
    r->start_time_ns = t->start_time_ns;
    fill_process(r, leader, t->pid, v);
}

/* The user registers in DWARF order, the instruction pointer last; the answer is how many. */
static __always_inline __u16 user_registers(struct brink_stack_record* r) {
    struct pt_regs* regs = (struct pt_regs*)bpf_task_pt_regs(bpf_get_current_task_btf());
#if defined(__TARGET_ARCH_x86)
    __u64* to = r->regs;
    to[0] = regs->ax, to[1] = regs->dx, to[2] = regs->cx, to[3] = regs->bx;
    to[4] = regs->si, to[5] = regs->di, to[6] = regs->bp, to[7] = regs->sp;
    to[8] = regs->r8, to[9] = regs->r9, to[10] = regs->r10, to[11] = regs->r11;
    to[12] = regs->r12, to[13] = regs->r13, to[14] = regs->r14, to[15] = regs->r15;
    to[16] = regs->ip;
    r->sp = regs->sp;
    return 17;
#elif defined(__TARGET_ARCH_arm64)
    for (int i = 0; i < 31; i++)
        r->regs[i] = regs->regs[i];
    r->regs[31] = regs->sp;
    r->regs[32] = regs->pc;
    r->sp = regs->sp;
    return 33;
#endif
}

/* Captures the user stack of the current task for the record that follows with the same number.
 * Returns BRINK_RECORD_HAS_STACK, or 0 where there was no room: the event does without. */
static __always_inline __u32 emit_stack(const struct brink_tally* t, __u32 id, __u16 number) {
    struct brink_stack_record* r = bpf_ringbuf_reserve(&records, sizeof *r, 0);
    if (!r)
        return 0;
    __u64 who = bpf_get_current_pid_tgid();
    r->type = BRINK_RECORD_STACK;
    r->tally = id;
    r->generation = t->generation;
    r->number = number;
    r->pid = (__u32)(who >> 32);
    r->tid = (__u32)who;
    r->reserved = 0;
    r->n_regs = user_registers(r);
    r->n_bytes = 0;
    for (__u32 at = 0; at < BRINK_STACK_BYTES; at += 1024) {
        if (bpf_probe_read_user(&r->bytes[at], 1024, (const void*)(r->sp + at)))
            break;
        r->n_bytes = at + 1024;
    }
    bpf_ringbuf_submit(r, 0);
    return BRINK_RECORD_HAS_STACK;
}

/* Sends the level's signal to the subject if it is the subject that acts: it arrives before the
 * operation returns to the program. Whatever is not sent here is left to user space. */
static __always_inline __u32 send_signal(const struct brink_tally* t, __u32 signal) {
    __u64 who = bpf_get_current_pid_tgid();
    if (!signal)
        return 0;
    if (t->flags & BRINK_TALLY_THREAD)
        return (__u32)who == t->pid && bpf_send_signal_thread(signal) == 0 ? BRINK_RECORD_SIGNALLED
                                                                           : 0;
    return who >> 32 == t->pid && bpf_send_signal(signal) == 0 ? BRINK_RECORD_SIGNALLED : 0;
}

static __always_inline void fill_level(struct brink_record* r, const struct brink_tally* t,
                                       __u32 what) {
    __u32 p = what >> SAY_POSITION & 0xff;
    const struct brink_bounds* b = &t->bounds[what >> SAY_VERSION & 1];
    if (p < 1 || p > BRINK_MAX_LEVELS)
        return;
    r->level = b->at[index_of(p) + 1];
    r->level_index = b->order[index_of(p)];
}

/* What happens besides the record when a level is crossed: the stack, the signal. */
static __always_inline __u32 act(const struct brink_tally* t, __u32 id, __u32 what, __u32 number) {
    struct brink_watch* w = watch_of(t);
    __u32 p = what >> SAY_POSITION & 0xff;
    if (!w || p < 1 || p > BRINK_MAX_LEVELS || !(what & SAY_ACTED))
        return 0;
    __u32 index = t->bounds[what >> SAY_VERSION & 1].order[index_of(p)] & (BRINK_MAX_LEVELS - 1);
    const struct brink_level* level = &w->levels[index];
    if (!(what & SAY_UP))
        return send_signal(t, level->signal_down);
    __u32 flags = 0;
    if (level->flags & BRINK_LEVEL_STACK)
        flags |= emit_stack(t, id, (__u16)number);
    return flags | send_signal(t, level->signal_up);
}

/* One record of tally `id`, with the given number; `what` is made of SAY_…; `extra` is the old limit
 * (BRINK_RECORD_LIMIT) or an errno (BRINK_RECORD_DENIED). */
__noinline int say(__u32 id, __u32 what, __u32 number, __u64 usage, __u64 extra) {
    struct brink_tally* t = tally_of(id);
    if (!t)
        return -ENOENT;
    if (!(t->flags & BRINK_TALLY_REPORTED) && (what >> SAY_TYPE & 0xff) != BRINK_RECORD_NEAR)
        __sync_fetch_and_or(&t->flags, BRINK_TALLY_REPORTED);
    if (bpf_get_current_pid_tgid() == commander)
        what &= ~SAY_ACTED; /* a count is corrected: whose doing it was is not known */
    __u32 flags = act(t, id, what, number);
    struct brink_account* a = account_by(t->account);
    bool room = !a || a->written - *(volatile __u64*)&a->taken < a->max_waiting;
    struct brink_record* r = room ? bpf_ringbuf_reserve(&records, sizeof *r, 0) : 0;
    if (!r) {
        __sync_fetch_and_add(&t->dropped, 1);
        __sync_fetch_and_add(&n_dropped, 1);
        if (a)
            __sync_fetch_and_add(&a->dropped, 1);
        return -ENOSPC;
    }
    if (a)
        __sync_fetch_and_add(&a->written, 1);
    __builtin_memset(r, 0, sizeof *r);
    r->type = what >> SAY_TYPE & 0xff;
    r->tally = id;
    r->generation = t->generation;
    r->watch = t->watch;
    r->serial = t->serial;
    r->monotonic_ns = bpf_ktime_get_ns();
    r->usage = usage;
    r->limit = t->limit;
    r->limit_hard = t->limit_hard;
    if (r->type == BRINK_RECORD_LIMIT)
        r->old_limit = extra;
    else
        r->errno_value = (__u32)extra;
    r->number = (__u16)number;
    r->cause = what >> SAY_CAUSE & 0xff;
    r->flags = flags | (what & SAY_UP ? BRINK_RECORD_UP : 0) |
               (t->flags & BRINK_TALLY_NAMED ? BRINK_RECORD_NAMED : 0) |
               (t->flags & BRINK_TALLY_THREAD ? BRINK_RECORD_THREAD : 0) |
               (__u32)t->account << BRINK_RECORD_ACCOUNT_SHIFT;
    struct view v = view_of(t);
    fill_level(r, t, what);
    if (what & SAY_ACTED) {
        r->tid = (__u32)bpf_get_current_pid_tgid();
        r->ns_tid = number_of((const void*)bpf_get_current_task(), v.level, v.inum);
    }
    fill_subject(r, t, v);
    bpf_ringbuf_submit(r, 0);
    return 0;
}

/* Not about any tally: whoever reads the records is to look at missed() and unwatched() (src/kernel/hooks.hpp). */
__noinline int wake_reader(void) {
    if (__sync_lock_test_and_set(&woken, 1))
        return 0;
    struct brink_record* r = bpf_ringbuf_reserve(&records, sizeof *r, 0);
    if (!r) {
        woken = 0;
        return -ENOSPC;
    }
    __builtin_memset(r, 0, sizeof *r);
    r->type = BRINK_RECORD_WAKE;
    bpf_ringbuf_submit(r, 0);
    return 0;
}
