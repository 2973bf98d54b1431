// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Connections that wait for accept(2) on a listening socket: of TCP sk_ack_backlog (include/net/sock.h), of AF_UNIX the
 * length of its receive queue (net/unix/af_unix.c). Both take one more than sk_max_ack_backlog. Of the network namespace of
 * whoever runs brink. */
#include "shared.bpf.h"

#include <bpf/bpf_endian.h>

#define AF_UNIX 1
#define TCP_LISTEN 10 /* of AF_UNIX, too */
#define ETH_P_IP 0x0800
#define MOST_CONNECTING 4096

struct net;

typedef struct {
    struct net* net;
} CORE possible_net_t;

struct sock_common {
    unsigned short skc_family;
    unsigned char skc_state;
    possible_net_t skc_net;
} CORE;

struct sk_buff_head {
    __u32 qlen;
} CORE;

struct sock___listening {
    struct sock_common __sk_common;
    struct sk_buff_head sk_receive_queue;
    struct socket* sk_socket;
    __u32 sk_ack_backlog;
    __u32 sk_max_ack_backlog;
} CORE;

struct socket_alloc {
    struct socket socket;
    struct inode vfs_inode;
} CORE;

struct sk_buff {
    __u16 protocol;
} CORE;

/* Which listening socket somebody has found who is in connect(2) on AF_UNIX: by pid and tid. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, MOST_CONNECTING);
    __type(key, __u64);
    __type(value, __u64);
} connecting SEC(".maps");

static __always_inline bool is_unix(const struct sock___listening* sk) {
    return BPF_CORE_READ(sk, __sk_common.skc_family) == AF_UNIX;
}

/* Its inode; 0: it does not listen, or not any more, or in another network namespace. */
__noinline __u64 socket_id(__u64 object) {
    const struct sock___listening* sk = (const void*)object;
    if (BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_LISTEN ||
        (__u64)BPF_CORE_READ(sk, __sk_common.skc_net.net) != own_network)
        return 0;
    const void* socket = BPF_CORE_READ(sk, sk_socket);
    if (!socket)
        return 0;
    const struct socket_alloc* whole = socket - bpf_core_field_offset(struct socket_alloc, socket);
    return BPF_CORE_READ(whole, vfs_inode.i_ino);
}

__noinline __u64 socket_read(__u64 object) {
    const struct sock___listening* sk = (const void*)object;
    return is_unix(sk) ? BPF_CORE_READ(sk, sk_receive_queue.qlen)
                       : BPF_CORE_READ(sk, sk_ack_backlog);
}

__noinline __u64 socket_limit(__u64 object) {
    const struct sock___listening* sk = (const void*)object;
    return (__u64)BPF_CORE_READ(sk, sk_max_ack_backlog) + 1;
}

/* A connection to `object` is refused, if its queue is full; `error`: 0 where nobody gets one. */
__noinline int socket_denied(__u64 object, __u32 error) {
    __u64 usage = socket_read(object);
    if (error || usage >= socket_limit(object))
        shared_denied(object, BRINK_KIND_SOCKET_QUEUE, usage, error);
    return 0;
}

/* listen(2) has come through, for the first time or with another backlog. */
static __always_inline void listens(const struct socket* socket) {
    __u64 object = address_of(socket->sk);
    shared_look(object, 0); /* the address may have been another one's */
    struct shared_walk w = {.object = object};
    for (int i = 0; i < SHARED_MOST && w.place != INDEX_END; i++) {
        if (shared_next(&w))
            tally_limit(w.id);
    }
    shared_appears(object, FAMILY_SOCKET);
    shared_look(object, BRINK_KIND_SOCKET_QUEUE); /* another thread may have ended it */
}

__noinline int socket_ends(__u64 object) {
    struct shared_walk w = {.object = object};
    for (int i = 0; i < SHARED_MOST && w.place != INDEX_END; i++) {
        if (shared_next(&w))
            subject_end(w.id);
    }
    return 0;
}

static __always_inline void changed(const void* sk) {
    NOTED(shared_changed(address_of(sk), BRINK_KIND_SOCKET_QUEUE));
}

static __always_inline void drops_if_full(const void* sk) {
    __u64 object = address_of(sk);
    if (index_slot(object))
        socket_denied(object, 0);
}

SEC("fexit/inet_csk_complete_hashdance")
int BPF_PROG(on_inet_csk_complete_hashdance, const struct sock* sk) {
    changed(sk);
    return 0;
}

/* The former calls this, too, but the compiler has put it in there. What is left: SYN cookies, TCP Fast Open. */
SEC("fexit/inet_csk_reqsk_queue_add")
int BPF_PROG(on_inet_csk_reqsk_queue_add, const struct sock* sk) {
    changed(sk);
    return 0;
}

SEC("fexit/inet_csk_accept")
int BPF_PROG(on_inet_csk_accept, const struct sock* sk) {
    changed(sk);
    return 0;
}

/* A SYN: with a full queue it is dropped. */
SEC("fentry/tcp_conn_request")
int BPF_PROG(on_tcp_conn_request, const void* ops, const void* af_ops, const struct sock* sk) {
    drops_if_full(sk);
    return 0;
}

/* What completes a connection: likewise. */
SEC("fentry/tcp_v4_syn_recv_sock")
int BPF_PROG(on_tcp_v4_syn_recv_sock, const struct sock* sk) {
    drops_if_full(sk);
    return 0;
}

/* Calls the former for IPv4. */
SEC("fentry/tcp_v6_syn_recv_sock")
int BPF_PROG(on_tcp_v6_syn_recv_sock, const struct sock* sk, const struct sk_buff* skb) {
    if (skb->protocol != bpf_htons(ETH_P_IP))
        drops_if_full(sk);
    return 0;
}

SEC("fexit/inet_csk_listen_stop")
int BPF_PROG(on_inet_csk_listen_stop, const struct sock* sk) {
    shared_changed(address_of(sk), 0);
    return 0;
}

SEC("fexit/inet_listen")
int BPF_PROG(on_inet_listen, const struct socket* socket, int backlog, int result) {
    if (!result)
        NOTED(listens(socket));
    return 0;
}

SEC("fexit/unix_listen")
int BPF_PROG(on_unix_listen, const struct socket* socket, int backlog, int result) {
    if (!result)
        NOTED(listens(socket));
    return 0;
}

/* At the entry: afterwards nothing leads from the one to the other. */
SEC("fentry/unix_release")
int BPF_PROG(on_unix_release, const struct socket* socket) {
    __u64 object = address_of(socket->sk);
    if (index_slot(object))
        socket_ends(object);
    return 0;
}

SEC("fexit/unix_find_other")
int BPF_PROG(on_unix_find_other) {
    __u64 other = 0, who = bpf_get_current_pid_tgid();
    if (!bpf_get_func_ret(ctx, &other) && index_slot(other) &&
        bpf_map_update_elem(&connecting, &who, &other, BPF_ANY))
        unsettled(); /* more than there is room for: the reader is to look */
    return 0;
}

/* EAGAIN is what a full queue gives who does not wait, or not any longer. */
SEC("fexit/unix_stream_connect")
int BPF_PROG(on_unix_stream_connect, const struct socket* socket, const void* address, int length,
             int flags, int result) {
    __u64 who = bpf_get_current_pid_tgid();
    const __u64* found = bpf_map_lookup_elem(&connecting, &who);
    if (!found)
        return 0;
    __u64 other = *found;
    bpf_map_delete_elem(&connecting, &who);
    if (result == -EAGAIN)
        NOTED(socket_denied(other, EAGAIN));
    else
        NOTED(shared_changed(other, BRINK_KIND_SOCKET_QUEUE));
    return 0;
}

SEC("fexit/unix_accept")
int BPF_PROG(on_unix_accept, const struct socket* socket) {
    changed(socket->sk);
    return 0;
}
