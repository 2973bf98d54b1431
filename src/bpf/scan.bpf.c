// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Counting what a descriptor table holds, from outside and without its lock. The kernel keeps no
 * count; it keeps a bitmap of numbers in use (which an open still under way has set already) and the
 * array of files. */
#include "scan.bpf.h"

struct scan {
    const void* fd;
    const void* open_fds;
    __u64 found;
    __u32 max_fds;
};

/* 512 bits of open_fds: installed descriptors and reserved ones. */
static long scan_bits(__u32 i, struct scan* s) {
    __u64 words[8];
    __u32 n = s->max_fds / 64 - i * 8;
    __u32 bytes = n >= 8 ? sizeof words : n * 8;
    if (bytes == 0 || bytes > sizeof words)
        return 1;
    __builtin_memset(words, 0, sizeof words); /* before 6.2 the verifier wants it */
    if (bpf_probe_read_kernel(words, bytes, s->open_fds + i * sizeof words))
        return 1;
#pragma clang loop unroll(disable)
    for (__u32 k = 0; k < 8 && k < n; k++)
        s->found += popcount(words[k]);
    return 0;
}

/* 16 slots: those that hold a file. Kernel addresses have their highest bit set (a test without
 * branches, which the verifier likes better). */
static long scan_files(__u32 i, struct scan* s) {
    __u64 files[16];
    __u16* bits = (void*)files; /* no variable of its own: the stack of all calls is 512 bytes */
    if (bpf_probe_read_kernel(bits, sizeof *bits, s->open_fds + i * sizeof *bits))
        return 1;
    if (*bits == 0)
        return 0;
    if (bpf_probe_read_kernel(files, sizeof files, s->fd + i * sizeof files))
        return 1;
#pragma clang loop unroll(disable)
    for (int k = 0; k < 16; k++)
        s->found += files[k] >> 63;
    return 0;
}

/* Descriptors in `table`: open bits, that is reserved ones too, or exactly those installed. The
 * fdtable may be replaced and freed meanwhile: RCU keeps it, and probe reads cannot fault. */
__noinline int scan_table(__u64 table, int exact) {
    const struct files_struct* files = (const void*)table;
    const struct fdtable* fdt = BPF_CORE_READ(files, fdt);
    struct scan s = {.open_fds = BPF_CORE_READ(fdt, open_fds),
                     .max_fds = BPF_CORE_READ(fdt, max_fds)};
    if (exact) {
        s.fd = BPF_CORE_READ(fdt, fd);
        bpf_loop(s.max_fds / 16, scan_files, &s, 0);
    } else {
        bpf_loop((s.max_fds / 64 + 7) / 8, scan_bits, &s, 0);
    }
    return (int)s.found;
}
