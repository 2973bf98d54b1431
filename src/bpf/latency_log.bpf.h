/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The log of each processor (struct brink_cpu_log). */
#ifndef BRINK_LATENCY_LOG_BPF_H
#define BRINK_LATENCY_LOG_BPF_H

#include "latency.bpf.h"

/* One for each possible processor; set before loading. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct brink_cpu_log);
} logs SEC(".maps") __weak;

#endif
