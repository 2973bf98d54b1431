/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who set a watch: whom they may watch, and what their watches take of what all share. Watches without an owner are
 * those of whoever loaded the programs. */
#ifndef BRINK_OWNER_BPF_H
#define BRINK_OWNER_BPF_H

#include "kernel.h"
#include "wire.h"

/* Sizes are set before loading. Entry 0 of both stays unused: 0 means "none". */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct brink_owner);
} owners SEC(".maps") __weak;

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct brink_account);
} accounts SEC(".maps") __weak;

/* Whether owner `owner` may watch a task with these credentials. `secure`: it has just executed a program that gave it
 * rights, so that equal ids are not enough. */
extern int owner_permits(__u32 owner, __u64 cred, __u32 secure); /* owner.bpf.c */
/* The present task has executed a program (secure as above), or is about to get other ids: watches on it that are not
 * permitted any more end. */
extern int owner_check(__u64 cred, __u32 secure);
/* Fills in owner `owner` from the socket that they connected. */
extern int owner_learn(__u32 owner, __u64 file, __u32 flags);

static __always_inline struct brink_owner* owner_by(__u32 owner) {
    return owner ? bpf_map_lookup_elem(&owners, &owner) : 0;
}

static __always_inline struct brink_account* account_by(__u32 account) {
    return account ? bpf_map_lookup_elem(&accounts, &account) : 0;
}

#endif
