// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What each processor did of late: who had it, which interrupts and softirqs came in between. With watches it is written
 * down only while a watched thread waits; otherwise each of these programs costs a load. */
#include "latency_log.bpf.h"

static __always_inline struct brink_log_entry* next_entry(__u64 ns, __u8 kind, __u8 ends,
                                                          __u32 id) {
    __u32 cpu = bpf_get_smp_processor_id();
    struct brink_cpu_log* log = bpf_map_lookup_elem(&logs, &cpu);
    if (!log)
        return 0;
    /* An interrupt may come between two instructions here, and writes entries of its own. */
    __u64 at = __sync_fetch_and_add(&log->head, 1);
    struct brink_log_entry* entry = &log->entries[at & (BRINK_LOG_ENTRIES - 1)];
    entry->ns = ns;
    entry->kind = kind;
    entry->ends = ends;
    entry->id = id;
    return entry;
}

/* `task` had the processor until now. */
__noinline int log_switch(__u64 address, __u64 ns) {
    const struct task_struct* task = (const void*)address;
    __u32 pid = (__u32)BPF_CORE_READ(task, pid);
    if (ns_level && pid)
        pid = number_in_ns(task);
    struct brink_log_entry* entry = next_entry(ns, BRINK_LOG_SWITCH, 1, pid);
    if (entry)
        bpf_core_read_str(entry->comm, sizeof entry->comm, &task->comm);
    return 0;
}

static __always_inline int note(__u8 kind, __u8 ends, __u32 id) {
    if (logging())
        next_entry(bpf_ktime_get_ns(), kind, ends, id);
    return 0;
}

SEC("raw_tp/irq_handler_entry")
int on_irq_entry(struct bpf_raw_tracepoint_args* ctx) {
    return note(BRINK_LOG_IRQ, 0, (__u32)ctx->args[0]);
}

SEC("raw_tp/irq_handler_exit")
int on_irq_exit(struct bpf_raw_tracepoint_args* ctx) {
    return note(BRINK_LOG_IRQ, 1, (__u32)ctx->args[0]);
}

SEC("raw_tp/softirq_entry")
int on_softirq_entry(struct bpf_raw_tracepoint_args* ctx) {
    return note(BRINK_LOG_SOFTIRQ, 0, (__u32)ctx->args[0]);
}

SEC("raw_tp/softirq_exit")
int on_softirq_exit(struct bpf_raw_tracepoint_args* ctx) {
    return note(BRINK_LOG_SOFTIRQ, 1, (__u32)ctx->args[0]);
}

#define ON_INTERRUPT(tracepoint, id)             \
    SEC("raw_tp/" #tracepoint "_entry")          \
    int on_##tracepoint##_entry(void* ctx) {     \
        return note(BRINK_LOG_INTERRUPT, 0, id); \
    }                                            \
    SEC("raw_tp/" #tracepoint "_exit")           \
    int on_##tracepoint##_exit(void* ctx) {      \
        return note(BRINK_LOG_INTERRUPT, 1, id); \
    }

ON_INTERRUPT(local_timer, BRINK_INTERRUPT_TIMER)
ON_INTERRUPT(reschedule, BRINK_INTERRUPT_RESCHEDULE)
ON_INTERRUPT(call_function, BRINK_INTERRUPT_CALL)
ON_INTERRUPT(call_function_single, BRINK_INTERRUPT_CALL_SINGLE)
ON_INTERRUPT(irq_work, BRINK_INTERRUPT_IRQ_WORK)
