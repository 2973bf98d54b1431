// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names of cgroups and files, compared with those of a selection where they are in the kernel. */
#include "selector.bpf.h"

#define PIECE 32 /* bytes of a name that are compared at once */

/* Whether the string at `text` is name number `name`; not `whole`: whether it begins with it. */
static __always_inline bool compare(__u64 text, __u32 name, bool whole) {
    const struct brink_selector_name* n = bpf_map_lookup_elem(&selector_names, &name);
    if (!n)
        return false;
    __u32 rest = n->bytes + whole; /* with the 0 at its end */
    for (__u32 at = 0; at < BRINK_NAME_BYTES; at += PIECE) {
        __u64 piece[2 * PIECE / 8] = {};
        __u64 bytes = rest < PIECE ? rest : PIECE;
        asm volatile("" : "+r"(bytes));
        bytes &= 2 * PIECE - 1;
        if (bpf_probe_read_kernel(piece, (__u32)bytes, (const void*)(text + at)))
            return false;
        const __u64* wanted = (const __u64*)&n->text[at];
        if (piece[0] != wanted[0] || piece[1] != wanted[1] || piece[2] != wanted[2] ||
            piece[3] != wanted[3])
            return false;
        if (rest <= PIECE)
            return true;
        rest -= PIECE;
    }
    return false;
}

__noinline int text_is(__u64 text, __u32 name) {
    return compare(text, name, true);
}

struct search {
    __u64 text;
    __u32 name;
    __u32 found;
};

/* Whether an ID stands at place `i` of a name: at its beginning, or behind "docker-", "cri-containerd-" and the like;
 * "libpod-conmon-" has the ID of a container and is not of it. */
static long id_at(__u32 i, struct search* s) {
    char before = 0;
    if (i) {
        if (bpf_probe_read_kernel(&before, 1, (const void*)(s->text + i - 1)) || !before)
            return 1;
        if (before != '-')
            return 0;
    }
    if (!compare(s->text + i, s->name, false))
        return 0;
    __u64 word = 0;
    if (i >= 7 && !bpf_probe_read_kernel(&word, 7, (const void*)(s->text + i - 7)) &&
        word == 0x2d6e6f6d6e6f63) /* "conmon-" */
        return 0;
    s->found = 1;
    return 1;
}

__noinline int text_holds_id(__u64 text, __u32 name) {
    struct search s = {.text = text, .name = name, .found = unknown_zero};
    bpf_loop(BRINK_NAME_BYTES - 1, id_at, &s, 0);
    return s.found != 0;
}
