/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counting what a descriptor table holds, for hooks and for the task iterator. */
#ifndef BRINK_SCAN_BPF_H
#define BRINK_SCAN_BPF_H

#include "kernel.h"

extern int scan_table(__u64 table, int exact); /* scan.bpf.c */

static __always_inline __u64 popcount(__u64 x) {
    x -= x >> 1 & 0x5555555555555555ull;
    x = (x & 0x3333333333333333ull) + (x >> 2 & 0x3333333333333333ull);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full;
    return x * 0x0101010101010101ull >> 56;
}

#endif
