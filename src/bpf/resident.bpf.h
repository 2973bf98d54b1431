/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The resident pages of an address space, as far as the kernel has added them up. */
#ifndef BRINK_RESIDENT_BPF_H
#define BRINK_RESIDENT_BPF_H

#include "kernel.h"

/* 6.2 (commit f1a7941243c1) put per-cpu counters in the place of mm_rss_stat. */
struct mm_rss_stat {
    atomic_long_t count[4];
} CORE;

struct percpu_counter {
    __s64 count;
} CORE;

struct mm_struct___before_6_2 {
    struct mm_rss_stat rss_stat;
} CORE;

struct mm_struct___since_6_2 {
    struct percpu_counter rss_stat[4];
} CORE;

enum { MM_FILEPAGES = 0, MM_ANONPAGES = 1, MM_SHMEMPAGES = 3 };

static __always_inline __u64 resident(const struct mm_struct* mm) {
    __s64 pages = 0;
    if (bpf_core_type_exists(struct mm_rss_stat)) {
        const struct mm_struct___before_6_2* old = (const void*)mm;
        pages += BPF_CORE_READ(old, rss_stat.count[MM_FILEPAGES].counter);
        pages += BPF_CORE_READ(old, rss_stat.count[MM_ANONPAGES].counter);
        pages += BPF_CORE_READ(old, rss_stat.count[MM_SHMEMPAGES].counter);
    } else {
        const struct mm_struct___since_6_2* now = (const void*)mm;
        pages += BPF_CORE_READ(now, rss_stat[MM_FILEPAGES].count);
        pages += BPF_CORE_READ(now, rss_stat[MM_ANONPAGES].count);
        pages += BPF_CORE_READ(now, rss_stat[MM_SHMEMPAGES].count);
    }
    return pages > 0 ? (__u64)pages : 0;
}

#endif
