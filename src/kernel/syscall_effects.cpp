// SPDX-License-Identifier: Apache-2.0
// What a call can do was read from the kernel's sources (6.18). read(2) makes descriptors on
// fanotify, write(2) on InfiniBand devices, getsockopt(2) on SCTP, ioctl(2) nearly anywhere: so none
// of these stands among the harmless ones. Numbers come from libseccomp, which knows every
// architecture; calls that this one does not have are skipped.
#include "kernel/syscall_effects.hpp"

#include <seccomp.h>

#include "bpf/wire.h"

namespace brink::kernel {
namespace {

constexpr const char* kHarmless[] = {
    "brk", "mmap", "mprotect", "munmap", "mremap", "msync", "mincore", "madvise", "mlock",
    "mlock2", "munlock", "mlockall", "munlockall", "rt_sigaction", "rt_sigprocmask",
    "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait", "rt_sigqueueinfo", "rt_sigsuspend",
    "rt_tgsigqueueinfo", "sigaltstack", "stat", "fstat", "lstat", "newfstatat", "statx",
    "statfs", "fstatfs", "access", "faccessat", "faccessat2", "lseek", "getdents", "getdents64",
    "getcwd", "chdir", "fchdir", "poll", "ppoll", "select", "pselect6", "epoll_wait",
    "epoll_pwait", "epoll_pwait2", "epoll_ctl", "sched_yield", "sched_setparam",
    "sched_getparam", "sched_setscheduler", "sched_getscheduler", "sched_get_priority_max",
    "sched_get_priority_min", "sched_rr_get_interval", "sched_setaffinity", "sched_getaffinity",
    "sched_setattr", "sched_getattr", "nanosleep", "clock_nanosleep", "clock_gettime",
    "clock_settime", "clock_getres", "clock_adjtime", "gettimeofday", "settimeofday", "time",
    "times", "getitimer", "setitimer", "alarm", "pause", "adjtimex", "timer_create",
    "timer_settime", "timer_gettime", "timer_getoverrun", "timer_delete", "timerfd_settime",
    "timerfd_gettime", "getpid", "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid",
    "getpgid", "getpgrp", "getsid", "setsid", "setpgid", "getgroups", "setgroups", "setuid",
    "setgid", "setreuid", "setregid", "setresuid", "getresuid", "setresgid", "getresgid",
    "setfsuid", "setfsgid", "capget", "capset", "futex", "futex_waitv", "set_robust_list",
    "get_robust_list", "set_tid_address", "rseq", "membarrier", "arch_prctl", "getcpu",
    "getrandom", "uname", "sysinfo", "getrusage", "getrlimit", "getpriority", "setpriority",
    "ioprio_get", "ioprio_set", "personality", "kill", "tkill", "tgkill", "pidfd_send_signal",
    "wait4", "waitid", "exit", "exit_group", "restart_syscall", "rename", "renameat",
    "renameat2", "mkdir", "mkdirat", "rmdir", "link", "linkat", "unlink", "unlinkat", "symlink",
    "symlinkat", "readlink", "readlinkat", "chmod", "fchmod", "fchmodat", "chown", "fchown",
    "lchown", "fchownat", "mknod", "mknodat", "umask", "utime", "utimes", "futimesat",
    "utimensat", "truncate", "ftruncate", "fallocate", "fsync", "fdatasync", "sync", "syncfs",
    "sync_file_range", "readahead", "fadvise64", "flock", "setxattr", "lsetxattr", "fsetxattr",
    "getxattr", "lgetxattr", "fgetxattr", "listxattr", "llistxattr", "flistxattr",
    "removexattr", "lremovexattr", "fremovexattr", "sendto", "sendmsg", "sendmmsg", "recvfrom",
    "bind", "listen", "connect", "getsockname", "getpeername", "shutdown", "setsockopt",
    "semget", "semop", "semctl", "semtimedop", "msgget", "msgsnd", "msgrcv", "msgctl", "shmget",
    "shmat", "shmdt", "shmctl", "sendfile", "splice", "tee", "vmsplice", "copy_file_range",
    "process_vm_readv", "process_vm_writev", "mbind", "set_mempolicy", "get_mempolicy",
    "migrate_pages", "move_pages", "inotify_add_watch", "inotify_rm_watch", "fanotify_mark",
    "pkey_mprotect", "pkey_alloc", "pkey_free", "mq_unlink", "mq_timedsend", "mq_timedreceive",
    "mq_notify", "mq_getsetattr", "io_getevents", "io_pgetevents", "io_cancel", "io_destroy",
};

constexpr const char* kSmall[] = {
    "open", "openat", "openat2", "creat", "close", "dup", "dup2", "dup3", "fcntl", "pipe",
    "pipe2", "socket", "socketpair", "accept", "accept4", "eventfd", "eventfd2", "epoll_create",
    "epoll_create1", "signalfd", "signalfd4", "timerfd_create", "inotify_init", "inotify_init1",
    "memfd_create", "memfd_secret", "pidfd_open", "pidfd_getfd", "open_by_handle_at",
    "open_tree", "fsopen", "fsmount", "fspick", "userfaultfd", "perf_event_open",
    "fanotify_init", "mq_open", "landlock_create_ruleset", "io_uring_setup", "clone", "clone3",
    "fork", "vfork",
};

void set(std::array<std::uint8_t, kSyscalls>& table, const char* name, unsigned effect) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number >= 0 && static_cast<std::size_t>(number) < kSyscalls)
        table[static_cast<std::size_t>(number)] = static_cast<std::uint8_t>(effect);
}

}  // namespace

std::array<std::uint8_t, kSyscalls> syscall_effects() {
    std::array<std::uint8_t, kSyscalls> table;
    table.fill(BRINK_EFFECT_ANY);
    for (const char* name : kHarmless) set(table, name, 0);
    for (const char* name : kSmall) set(table, name, BRINK_EFFECT_SMALL);
    set(table, "unshare", BRINK_EFFECT_TABLE);
    set(table, "close_range", BRINK_EFFECT_ANY | BRINK_EFFECT_TABLE);
    set(table, "setrlimit", BRINK_EFFECT_LIMIT);
    set(table, "prlimit64", BRINK_EFFECT_PRLIMIT);
    return table;
}

}  // namespace brink::kernel
