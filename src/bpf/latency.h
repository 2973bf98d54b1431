/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the programs that observe wake-ups (src/bpf/latency*.bpf.c) and src/kernel/wakeup_hooks.hpp share. Times are
 * CLOCK_MONOTONIC in nanoseconds. */
#ifndef BRINK_LATENCY_H
#define BRINK_LATENCY_H

#include "wire.h"

#define BRINK_LOG_ENTRIES 512 /* of each processor; a power of two */
#define BRINK_LOG_TAIL 48     /* entries that go with a record */
#define BRINK_LATE_WATCHES 8  /* a power of two */

/* ---- what a processor did ------------------------------------------------------------------- */

enum brink_log_kind {
    BRINK_LOG_SWITCH = 1,    /* task `id` (its name is `comm`) had the processor until now */
    BRINK_LOG_IRQ = 2,       /* `id`: number of the interrupt */
    BRINK_LOG_SOFTIRQ = 3,   /* `id`: its vector */
    BRINK_LOG_INTERRUPT = 4, /* enum brink_interrupt */
};

/* Interrupts of the processor itself (x86): they have no number in /proc/interrupts. */
enum brink_interrupt {
    BRINK_INTERRUPT_TIMER = 0,
    BRINK_INTERRUPT_RESCHEDULE = 1,
    BRINK_INTERRUPT_CALL = 2,
    BRINK_INTERRUPT_CALL_SINGLE = 3,
    BRINK_INTERRUPT_IRQ_WORK = 4,
};

struct brink_log_entry {
    brink_u64 ns;
    brink_u8 kind;
    brink_u8 ends; /* not of BRINK_LOG_SWITCH: it ends here, else it begins */
    brink_u16 reserved;
    brink_u32 id; /* a task: its number as the reader sees it; 0: idle, or invisible there */
    char comm[16];
};
BRINK_ASSERT_SIZE(struct brink_log_entry, 32);

/* Entry i stands at i % BRINK_LOG_ENTRIES; there have been `head`. Written by its processor alone. */
struct brink_cpu_log {
    brink_u64 head;
    struct brink_log_entry entries[BRINK_LOG_ENTRIES];
};
BRINK_ASSERT_SIZE(struct brink_cpu_log, 8 + 32 * BRINK_LOG_ENTRIES);

/* ---- a thread that is observed ---------------------------------------------------------------- */

enum brink_sleeper_flag {
    BRINK_SLEEPER_NAMED = 1 << 0,    /* it, or its process, was named by the user */
    BRINK_SLEEPER_THREAD = 1 << 1,   /* the thread was named, not its process */
    BRINK_SLEEPER_REPORTED = 1 << 2, /* a record of it has been written */
    BRINK_SLEEPER_AT_EXEC = 1 << 3,  /* it is observed from its next execve on */
    BRINK_SLEEPER_SELECTED = 1 << 4, /* it was taken because it matches the selection */
};

struct brink_sleeper {
    brink_u64 task; /* address; 0: the slot is free */
    /* The moments of its last wake-up, in this order. */
    brink_u64 expiry;  /* the timer it slept on was to expire; of BRINK_WAKEUPS_MEASURE */
    brink_u64 handler; /* the timer's handler began; likewise */
    brink_u64 waking;  /* it became runnable */
    brink_u64 running; /* it got a processor; equal to `waking` if it had never lost its own */
    brink_u64 leader;
    brink_u64
        start_time_ns; /* of its process, or its own with BRINK_SLEEPER_THREAD; CLOCK_BOOTTIME */
    brink_u32 cpu;     /* where it got it */
    brink_u32 waiting; /* runnable, and no processor yet */
    brink_u32 tid;     /* these two are numbers of the initial pid namespace */
    brink_u32 tgid;
    brink_u32 ns_tid; /* the same as numbers of brink's pid namespace; 0: invisible there */
    brink_u32 ns_tgid;
    brink_u32 generation; /* of the slot */
    brink_u32 dropped;    /* records of it that found no room */
    brink_u32 flags;      /* enum brink_sleeper_flag */
    brink_u32 above;      /* some position is not 0 */
    brink_u16 watches;    /* bit i: watch i */
    brink_u8
        position[BRINK_LATE_WATCHES]; /* on each watch: how many levels its last wake-up passed */
    brink_u8 reserved[2];
    brink_u32 timer_cpu; /* where the timer's handler ran; of BRINK_WAKEUPS_MEASURE */
};
BRINK_ASSERT_SIZE(struct brink_sleeper, 112);

/* What the programs see of a watch. The bounds are under no limit. */
struct brink_late_watch {
    struct brink_bounds bounds;
    brink_u32 flags; /* enum brink_watch_flag */
    brink_u32 reserved;
};
BRINK_ASSERT_SIZE(struct brink_late_watch, 320);

/* One watch, one wake-up: from which position to which. `record.usage` is the latency, `record.tally` the slot. */
struct brink_late_record {
    struct brink_record record;
    brink_u32 from;
    brink_u32 to;
    brink_u32 cpu;
    brink_u32 n_entries;
    brink_u64 waking;
    brink_u64 running;
    struct brink_log_entry entries[BRINK_LOG_TAIL]; /* the last of that processor, oldest first */
};
BRINK_ASSERT_SIZE(struct brink_late_record, 136 + 32 + 32 * BRINK_LOG_TAIL);

/* ---- whom to observe -------------------------------------------------------------------------- */

enum brink_wakeups_mode {
    BRINK_WAKEUPS_MEASURE =
        0,                   /* threads that sleep on a timer, and everything that processors do */
    BRINK_WAKEUPS_WATCH = 1, /* levels; processors only while a watched thread waits */
};

/* BRINK_WAKEUPS_WATCH: which threads are taken when they wake, besides those that were named. */
enum brink_selects {
    BRINK_SELECTS_NONE = 0,
    BRINK_SELECTS_ALL = 1,
    BRINK_SELECTS_REALTIME = 2, /* SCHED_FIFO, SCHED_RR, SCHED_DEADLINE */
    BRINK_SELECTS_CGROUP = 3,   /* in one of the cgroups, or below */
};

#define BRINK_MAX_CGROUPS 64
struct brink_selected_cgroup {
    brink_u64 id;
    brink_u32 level; /* of the cgroup in the tree; the root has 0 */
    brink_u32 reserved;
};
BRINK_ASSERT_SIZE(struct brink_selected_cgroup, 16);

struct brink_enrol {
    int proc_fd;       /* a directory /proc/TID of brink's; -1: the calling thread; -2: nobody */
    brink_u32 flags;   /* enum brink_sleeper_flag */
    brink_u32 watches; /* to be added */
    int error;         /* answer: 0 or a negative errno */
    brink_u32 slot;    /* answer */
    brink_u32 cgroup_level; /* answer: that of the caller's cgroup */
};
BRINK_ASSERT_SIZE(struct brink_enrol, 24);

#endif
