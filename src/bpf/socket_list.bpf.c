// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The sockets that listen already when a watch is set (bpf_iter, Linux 5.9 for TCP, 5.15 for AF_UNIX): each is linked to
 * watch `command.watch`, and an answer is written for it. Of the network namespace of whoever reads. */
#include "command.bpf.h"
#include "shared.bpf.h"

struct seq_file;

struct bpf_iter_meta {
    struct seq_file* seq;
} CORE;

struct bpf_iter__tcp {
    struct bpf_iter_meta* meta;
    struct sock_common* sk_common;
} CORE;

struct bpf_iter__unix {
    struct bpf_iter_meta* meta;
    struct unix_sock* unix_sk;
} CORE;

static __always_inline int link_and_tell(struct seq_file* seq, __u64 object) {
    if (!socket_id(object))
        return 0;
    answer.error = shared_link(command.watch, object, 0);
    if (answer.error != -ESRCH)
        bpf_seq_write(seq, &answer, sizeof answer);
    return 0;
}

SEC("iter/tcp")
int on_tcp_socket(struct bpf_iter__tcp* ctx) {
    const void* sk = ctx->sk_common;
    return sk ? link_and_tell(ctx->meta->seq, address_of(sk)) : 0;
}

SEC("iter/unix")
int on_unix_socket(struct bpf_iter__unix* ctx) {
    const void* sk = ctx->unix_sk; /* begins with its struct sock */
    return sk ? link_and_tell(ctx->meta->seq, address_of(sk)) : 0;
}
