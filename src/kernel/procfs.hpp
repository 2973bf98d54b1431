// SPDX-License-Identifier: Apache-2.0
// Procfs: what /proc (proc(5)) says about processes. The root is a parameter so that tests can
// point it to a tree of their own; everything but limits() and the probes is a plain file read.
//
// A process can vanish between any two calls, and between two reads of one call: that is an Error
// with code ESRCH (or an empty answer where the answer is a string or a list), never a crash. A
// pid may be recycled between two calls: who needs to be sure compares ProcessStat::start_time, or
// holds a pidfd. Wherever a pid is expected the tid of a thread will do as well: /proc/TID exists
// although it is not listed, and its `fd`, `stat` and `status` are those of the thread.
//
// Const after construction, so usable from any thread. Files are read up to 1 MiB.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace brink::kernel {

/// /proc/PID/stat, proc_pid_stat(5).
struct ProcessStat {
    pid_t pid = 0;
    std::string comm;  ///< as the kernel has it: up to 15 bytes, may hold any byte but NUL
    char state = '?';  ///< 'R', 'S', 'D', 'T', 'Z', …
    pid_t ppid = 0;
    std::uint32_t flags = 0;  ///< PF_… of the kernel
    std::uint32_t num_threads = 0;
    std::uint64_t start_time = 0;  ///< field 22: clock ticks (sysconf(_SC_CLK_TCK)) since boot
    int policy = 0;  ///< SCHED_…, of the main thread, or of the one that was asked for

    /// The subject is past exit_files(): its table is gone, its pidfd not readable yet.
    [[nodiscard]] bool exiting() const { return (flags & 0x4U) != 0; }         // PF_EXITING
    [[nodiscard]] bool of_kernel() const { return (flags & 0x200000U) != 0; }  // PF_KTHREAD
};

/// /proc/PID/status, proc_pid_status(5).
struct ProcessStatus {
    pid_t tgid = 0;  ///< the process this thread belongs to
    uid_t uid_real = 0;
    uid_t uid_effective = 0;
    uid_t uid_saved = 0;
    gid_t gid_real = 0;
    gid_t gid_effective = 0;
    gid_t gid_saved = 0;
    std::uint64_t permitted = 0;  ///< capabilities
    std::vector<pid_t> ns_pids;   ///< from the reader's pid namespace inwards; empty before 4.1
};

/// A resource limit; ~0 (RLIM_INFINITY) is unlimited.
struct Limit {
    std::uint64_t soft = ~std::uint64_t{0};
    std::uint64_t hard = ~std::uint64_t{0};
};

class Procfs {
  public:
    /// `root` without a slash at its end. Probes once what this kernel offers.
    explicit Procfs(std::string root = "/proc");

    [[nodiscard]] const std::string& root() const { return root_; }

    /// Path of `name` in the directory of `pid`: path(7, "fd") is "/proc/7/fd".
    [[nodiscard]] std::string path(pid_t pid, std::string_view name) const;

    [[nodiscard]] Result<ProcessStat> stat(pid_t pid) const;
    [[nodiscard]] Result<ProcessStatus> status(pid_t pid) const;

    /// Target of /proc/PID/exe, ending in " (deleted)" where the file is gone; "" if unreadable
    /// (needs the ptrace read right) or if there is none (kernel threads).
    [[nodiscard]] std::string exe(pid_t pid) const;

    /// Path of the cgroup: that of the unified hierarchy, or of `name=systemd` where that one says
    /// more; "" if neither can be read. cgroups(7).
    [[nodiscard]] std::string cgroup(pid_t pid) const;

    /// Number of the hierarchy `name=systemd` of cgroup v1; 0: there is none.
    [[nodiscard]] int systemd_hierarchy() const;

    /// Whether paths of cgroups are told from the root of the hierarchy: the caller is in no cgroup namespace of its
    /// own. cgroup_namespaces(7).
    [[nodiscard]] bool sees_all_cgroups() const;

    /// RLIMIT_… of `pid`: prlimit(2), or /proc/PID/limits (which everybody may read) where prlimit
    /// is not permitted.
    [[nodiscard]] Result<Limit> limit(pid_t pid, int rlimit) const;

    /// Descriptors installed in the table of `pid`. One stat(2) on Linux 6.2 and later, which gives
    /// the count as st_size of /proc/PID/fd; else the directory is read (needs the ptrace read
    /// right). Where the leader of a process has ended before its threads, that of a thread.
    [[nodiscard]] Result<std::uint64_t> descriptor_count(pid_t pid) const;
    [[nodiscard]] bool count_is_one_stat() const { return fd_size_is_count_; }

    /// Whether the caller may watch `pid`: by prlimit(2)'s rule, or by the ptrace read right. The
    /// error says which process and why not.
    [[nodiscard]] Result<void> may_watch(pid_t pid) const;

    /// Tids of a process, its leader included.
    [[nodiscard]] std::vector<pid_t> threads(pid_t pid) const;

    /// Whether children() works: CONFIG_PROC_CHILDREN.
    [[nodiscard]] bool has_children_files() const { return has_children_files_; }

    /// Children of all threads of `pid`, from /proc/PID/task/TID/children. Some may be left out
    /// while others are exiting (proc_tid_children(5)). Better ask ChildLookup, which works without
    /// those files too.
    [[nodiscard]] std::vector<pid_t> children(pid_t pid) const;
    /// Those of one thread only.
    [[nodiscard]] std::vector<pid_t> children_of_thread(pid_t tid) const;

    /// (pid, ppid) of every process.
    [[nodiscard]] std::vector<std::pair<pid_t, pid_t>> parents() const;

    /// /proc/sys/kernel/random/boot_id; "" if unreadable.
    [[nodiscard]] std::string boot_id() const;
    /// /proc/sys/kernel/hostname; "" if unreadable.
    [[nodiscard]] std::string hostname() const;

  private:
    [[nodiscard]] Result<std::uint64_t> count_table(const std::string& directory) const;
    void add_children(pid_t pid, pid_t tid, std::vector<pid_t>& found) const;

    std::string root_;
    bool fd_size_is_count_ = false;
    bool has_children_files_ = false;
};

/// The systemd unit that a cgroup path belongs to: its last component that is named as units are
/// ("x.service", "y.scope", "z.slice", …); "" if there is none. systemd.unit(5).
[[nodiscard]] std::string unit_name(std::string_view cgroup);

}  // namespace brink::kernel
