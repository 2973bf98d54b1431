// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Usages that the kernel keeps as a number of their own. A hook need not know what was done: it reads the number
 * after each change, while the lock is still held under which it was changed, and looks whether it has passed a
 * level. Only brink itself reads without that lock, and looks several times (HookSource::check_all). */
#include "resident.bpf.h"
#include "subject.bpf.h"

#define TRIES 64

/* The usage that `object`, of `kind`, has now. */
__noinline __u64 value_read(__u64 object, __u32 kind) {
    const struct mm_struct* mm = (const void*)object;
    const struct signal_struct* signal = (const void*)object;
    __u64 pages;
    switch (kind) {
    case BRINK_KIND_ADDRESS_SPACE:
        pages = BPF_CORE_READ(mm, total_vm);
        break;
    case BRINK_KIND_DATA:
        pages = BPF_CORE_READ(mm, data_vm);
        break;
    case BRINK_KIND_STACK:
        pages = BPF_CORE_READ(mm, stack_vm);
        break;
    case BRINK_KIND_LOCKED:
        pages = BPF_CORE_READ(mm, locked_vm);
        break;
    case BRINK_KIND_RESIDENT:
        pages = resident(mm);
        break;
    case BRINK_KIND_MAPPINGS:
        return (__u32)BPF_CORE_READ(mm, map_count);
    case BRINK_KIND_THREADS:
        return (__u32)BPF_CORE_READ(signal, live.counter);
    default:
        return shared_read(object, kind);
    }
    return pages << page_shift;
}

/* The object of `kind` that `task` has; 0: none. */
__noinline __u64 value_object(__u64 task, __u32 kind) {
    const struct task_struct* t = (const void*)task;
    switch (kind) {
    case BRINK_KIND_DESCRIPTORS:
        return (__u64)BPF_CORE_READ(t, files);
    case BRINK_KIND_THREADS:
        return (__u64)BPF_CORE_READ(t, signal);
    default:
        return (__u64)BPF_CORE_READ(t, mm);
    }
}

/* One attempt of value_follow. */
__noinline int follow_once(__u32 id) {
    struct brink_tally* t = tally_of(id);
    if (!t || !still_its_own(t))
        return 0;
    __u64 word = *(volatile __u64*)&t->word;
    if (word_position(word) == BRINK_POS_COUNTING) {
        /* Whoever is about to settle it is to read anew. */
        __sync_fetch_and_add(&t->word, (__u64)1 << BRINK_OP_SHIFT);
        return 0;
    }
    __u64 n = value_read(t->table, t->kind);
    if (in_place(t, word, n))
        return 0;
    tally_apply(id, word, n, n, BRINK_CAUSE_OPERATION);
    return -EAGAIN; /* it may be another one already, where no lock is held */
}

/* Takes the tally to the usage of its object. */
__noinline int value_follow(__u32 id) {
    for (int i = 0; i < TRIES; i++) {
        if (follow_once(id) != -EAGAIN)
            return 0;
    }
    unsettled();
    return -EAGAIN;
}

/* mmap_lock is about to be released, for writing or for reading: `mm` may have more or fewer pages, mappings, locked
 * pages. */
static __always_inline void released(__u64 mm) {
    if (index_slot(mm))
        NOTED(count(mm, CHANGE_VALUE, 0));
}

SEC("raw_tp/mmap_lock_released")
int on_mmap_lock_released(struct bpf_raw_tracepoint_args* ctx) {
    released(ctx->args[0]);
    return 0;
}

/* What the kernel calls before that tracepoint, if the tracepoint is on. */
SEC("kprobe.multi/__mmap_lock_do_trace_released")
int on_mmap_lock_released_kprobe(struct pt_regs* ctx) {
    count(argument(ctx, 0), CHANGE_VALUE, 0);
    return 0;
}

/* Where tracepoints may not be used (PREEMPT_RT): a trampoline at the same place. */
SEC("fentry/__mmap_lock_do_trace_released")
int on_mmap_lock_released_noted(__u64* ctx) {
    released(address_of((const void*)ctx[0]));
    return 0;
}

/* Does nothing but to keep that tracepoint on. */
SEC("raw_tp/mmap_lock_released")
int on_mmap_lock_traced(void* ctx) {
    return 0;
}

/* Pages were added to or taken from what is resident, where the kernel adds that up: with every 64th on a thread
 * before Linux 6.2, with a batch of a processor after. A tracepoint on every kernel: the function that holds it
 * (mm_trace_rss_stat) is inlined where page faults are handled. */
SEC("raw_tp/rss_stat")
int on_rss_stat(struct bpf_raw_tracepoint_args* ctx) {
    if (index_slot(ctx->args[0]))
        NOTED(count(ctx->args[0], CHANGE_RESIDENT, 0));
    return 0;
}
