// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Authority: the rule of prlimit(2), and of ptrace where that is wider. It is asked when a watch is set, when its subject
 * executes a program, and when the subject's ids change; what follows from a no happens before the program returns from
 * that call. */
#include "owner.bpf.h"
#include "subject.bpf.h"

#define MAX_NESTING 33 /* of user namespaces: kernel/user_namespace.c */

static __always_inline bool same_ids(const struct brink_owner* o, const struct cred* c) {
    return BPF_CORE_READ(c, uid.val) == o->uid && BPF_CORE_READ(c, euid.val) == o->uid &&
           BPF_CORE_READ(c, suid.val) == o->uid && BPF_CORE_READ(c, gid.val) == o->gid &&
           BPF_CORE_READ(c, egid.val) == o->gid && BPF_CORE_READ(c, sgid.val) == o->gid;
}

/* cap_capable() of security/commoncap.c, for either of the two capabilities, in the user namespace of `c`. */
static __always_inline bool capable(const struct brink_owner* o, const struct cred* c) {
    const __u64 either = (__u64)1 << CAP_SYS_RESOURCE | (__u64)1 << CAP_SYS_PTRACE;
    const struct user_namespace* ns = BPF_CORE_READ(c, user_ns);
    for (int i = 0; i < MAX_NESTING && ns; i++) {
        if ((__u64)ns == o->user_ns)
            return o->capabilities & either;
        if ((__u32)BPF_CORE_READ(ns, level) <= o->user_ns_level)
            return false;
        const struct user_namespace* parent = BPF_CORE_READ(ns, parent);
        /* Whoever made a user namespace has every capability in it. */
        if ((__u64)parent == o->user_ns && BPF_CORE_READ(ns, owner.val) == o->euid)
            return true;
        ns = parent;
    }
    return false;
}

__noinline int owner_permits(__u32 owner, __u64 cred, __u32 secure) {
    const struct brink_owner* o = owner_by(owner);
    if (!o)
        return 0;
    if (o->flags & BRINK_OWNER_ALL)
        return 1;
    const struct cred* c = (const void*)cred;
    return (!secure && same_ids(o, c)) || capable(o, c);
}

/* Of a process any thread that gets other ids ends the watch; of a thread its own. */
__noinline int owner_check(__u64 cred, __u32 secure) {
    __u64 who = bpf_get_current_pid_tgid();
    struct walk w = {.tgid = (__u32)(who >> 32)};
    for (int i = 0; i < BRINK_MAX_PER_SUBJECT && w.place != INDEX_END; i++) {
        struct brink_tally* t = subject_next(&w);
        if (!t || !t->owner || (t->flags & BRINK_TALLY_THREAD && t->pid != (__u32)who))
            continue;
        if (!owner_permits(t->owner, cred, secure))
            subject_drop(w.id, EPERM);
    }
    return 0;
}

__noinline int owner_learn(__u32 owner, __u64 file, __u32 flags) {
    struct brink_owner* o = owner_by(owner);
    if (!o)
        return -ENOENT;
    const struct socket* socket = BPF_CORE_READ((const struct file*)file, private_data);
    const struct sock* sk = BPF_CORE_READ(socket, sk);
    const struct cred* c = BPF_CORE_READ(sk, sk_peer_cred);
    const struct pid* pid = BPF_CORE_READ(sk, sk_peer_pid);
    if (!c || !pid)
        return -EINVAL;
    o->user_ns = (__u64)BPF_CORE_READ(c, user_ns);
    o->user_ns_level = (__u32)BPF_CORE_READ(c, user_ns, level);
    __u32 effective = 0;
    bpf_probe_read_kernel(&effective, sizeof effective,
                          (const void*)c + bpf_core_field_offset(struct cred, cap_effective));
    o->capabilities = effective;
    o->uid = BPF_CORE_READ(c, uid.val);
    o->gid = BPF_CORE_READ(c, gid.val);
    o->euid = BPF_CORE_READ(c, euid.val);
    o->pid_ns_level = BPF_CORE_READ(pid, level);
    const struct upid* number = number_at(pid, o->pid_ns_level);
    o->pid_ns_inum = BPF_CORE_READ(number, ns, ns.inum);
    o->flags = flags;
    return 0;
}

static __always_inline void ids_change(__u64 cred) {
    if (is_subject((__u32)(bpf_get_current_pid_tgid() >> 32)))
        owner_check(cred, 0);
}

/* commit_creds() gives the present task the credentials that it is called with. */
SEC("fentry/commit_creds")
int on_commit_creds(__u64* ctx) {
    ids_change(address_of((const void*)ctx[0]));
    return 0;
}

SEC("kprobe.multi/commit_creds")
int on_commit_creds_kprobe(struct pt_regs* ctx) {
    ids_change(argument(ctx, 0));
    return 0;
}
