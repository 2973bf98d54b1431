// SPDX-License-Identifier: Apache-2.0
#include "kernel/self_test.hpp"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fd.hpp"
#include "kernel/mounts.hpp"
#include "kernel/procfs.hpp"
#include "kernel/provoke_sockets.hpp"

namespace brink::kernel {
namespace {

// The file through which a process joins the cgroup of v2 that it is in already; none where that cannot be written to.
Fd open_own_cgroup() {
    const Procfs procfs;
    const auto mounts = read_mounts(procfs.root());
    if (!mounts) return {};
    for (const Mount& mount : *mounts) {
        if (mount.type != "cgroup2") continue;
        const std::string path = mount.point + procfs.cgroup(::getpid()) + "/cgroup.procs";
        return Fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    }
    return {};
}

// What selections look at: the cgroup, the name, the user, the policy.
void become_another(int own_cgroup) {
    (void)!::write(own_cgroup, "0", 1);
    ::prctl(PR_SET_NAME, "brink");
    (void)!::setresuid(static_cast<uid_t>(-1), static_cast<uid_t>(-1), static_cast<uid_t>(-1));
    const sched_param none{};
    ::sched_setscheduler(0, SCHED_BATCH, &none);
}

// In a child: opens, duplicates, closes, takes a table of its own, changes its limit, is refused,
// executes, ends. Only async-signal-safe calls.
[[noreturn]] void do_everything() {
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    const int copy = ::dup2(null, 30);
    ::close(copy);
    ::unshare(CLONE_FILES);
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const rlimit none{0, limit.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
    (void)::open("/dev/null", O_RDONLY);
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::dup2(null, STDIN_FILENO);
    ::dup2(null, STDOUT_FILENO);
    ::dup2(null, STDERR_FILENO);
    ::execl("/proc/self/exe", "brink", "--version", nullptr);
    ::_exit(1);
}

// In a child: what is counted for a user rises and falls, its limit is changed, a signal is refused, and a number of
// sysctl is written, which fails.
[[noreturn]] void do_for_a_user() {
    const int events = ::inotify_init1(IN_CLOEXEC);
    ::inotify_rm_watch(events, ::inotify_add_watch(events, "/", IN_DELETE_SELF));
    ::close(events);
    sigset_t blocked;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGRTMIN);
    ::sigprocmask(SIG_BLOCK, &blocked, nullptr);
    (void)::sigqueue(::getpid(), SIGRTMIN, {});
    rlimit limit{};
    ::getrlimit(RLIMIT_SIGPENDING, &limit);
    const rlimit none{0, limit.rlim_max};
    ::setrlimit(RLIMIT_SIGPENDING, &none);
    (void)::sigqueue(::getpid(), SIGRTMIN, {});
    (void)!::write(::open("/proc/sys/kernel/threads-max", O_WRONLY | O_CLOEXEC), "x", 1);
    (void)!::setuid(65534);
    ::_exit(0);
}

[[noreturn]] void do_with_sockets() {
    provoke_sockets();
    ::_exit(0);
}

[[noreturn]] void leave_the_table() {
    ::close_range(~0U, ~0U, CLOSE_RANGE_UNSHARE);
    ::_exit(0);
}

// In a child that shares the table of its parent until it unshares it, as a thread would.
void do_sharing(void (*act)()) {
    const pid_t child = static_cast<pid_t>(::syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0));
    if (child == 0) act();
    int status = 0;
    ::waitpid(child, &status, 0);
}

Result<void> provoke(int own_cgroup) {
    const pid_t child = ::fork();
    if (child < 0) return fail_errno("cannot start a process for the self-test");
    if (child == 0) {
        become_another(own_cgroup);
        do_sharing(leave_the_table);
        do_sharing(do_for_a_user);
        do_sharing(do_with_sockets);
        do_sharing(do_everything);
        ::_exit(0);
    }
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    return {};
}

void judge(EngineReport& report) {
    report.works = report.reason.empty();
    if (!report.works) report.broken = HookPlace::kShared;
    for (HookStatus& hook : report.hooks) {
        if (hook.attached && !hook.provoked) continue;
        if (hook.attached && hook.runs == 0)
            hook.reason =
                "it was provoked and did not run: this kernel has the function but does not "
                "come by here";
        if (hook.runs > 0 || hook.optional) continue;
        if (hook.shared) {
            report.broken |= hook.shared;
            continue;
        }
        report.works = false;
        if (report.reason.empty()) report.reason = hook.name + ": " + hook.reason;
    }
}

}  // namespace

EngineReport test_engine(HookEngine engine, const std::string& btf) {
    EngineReport report;
    report.engine = engine;
    HookOptions options;
    options.engine = engine;
    options.btf = btf;
    options.max_subjects = 64;
    const Fd own_cgroup = open_own_cgroup();
    options.cgroups = static_cast<bool>(own_cgroup);  // else it cannot be provoked
    auto hooks = Hooks::load(options);
    if (!hooks) {
        report.reason = hooks.error().message;
        report.hooks = Hooks::load_each(options);
        report.broken = HookPlace::kShared;
        return report;
    }
    report.map_bytes = (*hooks)->map_bytes();
    const Fd statistics(bpf_enable_stats(BPF_STATS_RUN_TIME));
    if (!statistics) report.reason = "the kernel does not count program runs (BPF_ENABLE_STATS)";
    for (auto attached : {(*hooks)->attach(), (*hooks)->attach_refusals()})
        if (!attached && report.reason.empty()) report.reason = attached.error().message;
    if (auto provoked = provoke(own_cgroup.get()); !provoked)
        report.reason = provoked.error().message;
    if (engine == HookEngine::kernel) (void)(*hooks)->link_listening(0);  // runs the iterators
    report.hooks = (*hooks)->status();
    judge(report);
    return report;
}

}  // namespace brink::kernel
