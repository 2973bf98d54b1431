// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Memory that was refused, as a system call says when it ends. The errno alone does not tell why: a limit is to blame if
 * what was asked for would have gone beyond it. Stacks are no matter of system calls: one that may not grow is ended by
 * SIGSEGV. */
#include "subject.bpf.h"

enum asks {
    ASKS_SPACE = 1, /* address space */
    ASKS_DATA = 2,  /* private writable memory */
    ASKS_LOCK = 4,
};

struct request {
    __u64 bytes;
    __u32 error;    /* 0: it was granted */
    __u32 mappings; /* so many more the kernel wants to have room for */
    __u32 asks;     /* enum asks */
};

/* What the call that `task` is in has asked for. */
static __always_inline struct request request_of(const struct task_struct* task, __s64 result) {
    struct request r = {.error = result < 0 && result >= -4095 ? (__u32)-result : 0,
                        .mappings = 1}; /* to split one */
    switch (system_call_of(task)) {
    case NR_MMAP:
        r.bytes = call_argument(task, 1);
        r.asks = ASKS_SPACE;
        if (call_argument(task, 2) & PROT_WRITE &&
            (call_argument(task, 3) & MAP_TYPE) == MAP_PRIVATE)
            r.asks |= ASKS_DATA;
        if (r.error == EAGAIN || r.error == EPERM)
            r.asks |= ASKS_LOCK; /* MAP_LOCKED, mlockall(MCL_FUTURE) */
        r.mappings = 0;          /* one above the limit is let through */
        break;
    case NR_MREMAP: {
        __u64 old = call_argument(task, 1), new = call_argument(task, 2);
        r.bytes = new > old ? new - old : 0;
        r.asks = ASKS_SPACE | ASKS_DATA | (r.error == EAGAIN ? ASKS_LOCK : 0);
        r.mappings = 4; /* to move one */
        break;
    }
    case NR_BRK: { /* says where the break is, never an error */
        __u64 wanted = call_argument(task, 0);
        if ((__u64)result >= wanted)
            break;
        r.bytes = wanted - (__u64)result;
        r.error = ENOMEM;
        r.asks = ASKS_SPACE | ASKS_DATA;
        r.mappings = 0;
        break;
    }
    case NR_MPROTECT:
        r.bytes = call_argument(task, 1);
        r.asks = call_argument(task, 2) & PROT_WRITE ? ASKS_DATA : 0;
        break;
    case NR_MLOCK:
    case NR_MLOCK2: /* whole pages, from the one that holds the first byte */
        r.bytes = call_argument(task, 1) + (call_argument(task, 0) & ((1 << page_shift) - 1));
        r.asks = ASKS_LOCK;
        break;
    case NR_MLOCKALL:
        r.bytes = BRINK_NEVER;
        r.asks = ASKS_LOCK;
        break;
    }
    return r;
}

/* Says so, if the limit of tally `id` is to blame. A function of its own: inlined into the loop below it would be
 * verified for each round, in each of the programs. */
__noinline int blame(__u32 id, __u64 bytes, __u32 asks, __u32 mappings, __u32 error) {
    struct brink_tally* t = tally_of(id);
    if (!t || !t->kind || word_position(t->word) == BRINK_POS_COUNTING)
        return 0;
    __u64 usage = value_read(t->table, t->kind);
    __u64 pages = (bytes + (1 << page_shift) - 1) >> page_shift;
    bool beyond = t->limit < BRINK_NEVER && (usage >> page_shift) + pages > t->limit >> page_shift;
    bool guilty = false;
    switch (t->kind) {
    case BRINK_KIND_ADDRESS_SPACE:
        guilty = beyond && asks & ASKS_SPACE && error == ENOMEM;
        break;
    case BRINK_KIND_DATA:
        guilty = beyond && asks & ASKS_DATA && error == ENOMEM;
        break;
    case BRINK_KIND_LOCKED:
        guilty = beyond && asks & ASKS_LOCK && error != EINVAL &&
                 !is_capable(bpf_get_current_task_btf(), CAP_IPC_LOCK);
        break;
    case BRINK_KIND_MAPPINGS:
        guilty = usage + mappings > t->limit && error == ENOMEM;
        break;
    }
    return guilty ? say(id, BRINK_RECORD_DENIED | SAY_ACTED, next_number(t), usage, error) : 0;
}

/* A system call about memory ends in the current task, which may be a subject. */
__noinline int memory_call_ends(__s64 result) {
    const struct task_struct* task = bpf_get_current_task_btf();
    struct request r = request_of(task, result);
    if (!r.error)
        return 0;
    struct walk w = {.tgid = (__u32)task->tgid};
    for (int i = 0; i < BRINK_MAX_PER_SUBJECT && w.place != INDEX_END; i++) {
        if (subject_next(&w))
            blame(w.id, r.bytes, r.asks, r.mappings, r.error);
    }
    return 0;
}

/* Engine `kernel`: at the end of each of these calls. Under engine `tracepoint` all calls are looked at. */
#define ENDS(call)                                                             \
    SEC("fexit/__x64_sys_" #call)                                              \
    int on_##call(__u64* ctx) {                                                \
        if (is_subject((__u32)(bpf_get_current_pid_tgid() >> 32)))             \
            memory_call_ends((__s64)ctx[1]); /* after the argument: pt_regs */ \
        return 0;                                                              \
    }

ENDS(mmap)
ENDS(mremap)
ENDS(brk)
ENDS(mprotect)
ENDS(munmap)
ENDS(mlock)
ENDS(mlock2)
ENDS(mlockall)
