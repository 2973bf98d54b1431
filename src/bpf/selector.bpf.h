/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Selectors: whom a selection means (struct brink_selector). Runs where a process forks, executes, moves or changes,
 * never where something is counted. Only numbers are passed on: each function is verified once, by itself. Calls may be
 * eight deep in all, callbacks included, and take 512 bytes of stack together. */
#ifndef BRINK_SELECTOR_BPF_H
#define BRINK_SELECTOR_BPF_H

#include "tally.bpf.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, BRINK_MAX_SELECTORS);
    __type(key, __u32);
    __type(value, struct brink_selector);
} selectors SEC(".maps") __weak;

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, BRINK_MAX_SELECTOR_NAMES);
    __type(key, __u32);
    __type(value, struct brink_selector_name);
} selector_names SEC(".maps") __weak;

extern int text_is(__u64 text, __u32 name); /* selector_text.bpf.c */
extern int text_holds_id(__u64 text, __u32 name);
extern int in_cgroup(__u64 task, __u32 selector); /* selector_cgroup.bpf.c */

#endif
