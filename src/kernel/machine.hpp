// SPDX-License-Identifier: Apache-2.0
// Machine: one look at a whole machine, shared by everything that is read from it. What is asked for is read once, when
// it is first asked for; the object is thrown away with the look. One thread.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "bpf/tasks.h"
#include "kernel/cgroup_tree.hpp"
#include "kernel/descriptor_owners.hpp"
#include "kernel/mounts.hpp"
#include "kernel/process_files.hpp"
#include "kernel/procfs.hpp"
#include "kernel/socket_diag.hpp"

namespace brink::kernel {

/// The counts of a user in a user namespace, and the lowest soft limits among the user's processes there.
struct UserCounts {
    uid_t uid = 0;
    std::uint32_t user_namespace = 0;  ///< inode number of /proc/PID/ns/user
    std::uint64_t processes = 0;
    std::uint64_t queue_bytes = 0;
    std::uint64_t signals = 0;
    std::uint64_t locked_bytes = 0;  ///< the larger of SHM_LOCK's and of io_uring's and perf's
    std::uint64_t inotify_instances = 0;
    std::uint64_t inotify_watches = 0;
    std::array<Limit, BRINK_RLIMITS> limits;  ///< by RLIMIT_…
};

struct ProcessSummary {
    pid_t pid = 0;
    uid_t uid = 0;  ///< real
    uid_t uid_effective = 0;
    std::uint32_t threads = 0;
    std::uint64_t pending_signals = 0;  ///< of all processes of the user: "SigQ" in status
    bool has_memory = false;            ///< neither a kernel thread nor a zombie
};

class Machine {
  public:
    explicit Machine(std::string proc = "/proc", std::string sys = "/sys");

    [[nodiscard]] const Procfs& procfs() const { return procfs_; }

    /// Takes what the task iterator has said (read_tasks()): processes and users are those from now
    /// on, and what /proc has besides. Before anything is asked for.
    void use(std::vector<brink_task> tasks) { tasks_ = std::move(tasks); }

    /// nullptr without the task iterator: the kernel shows them nowhere else.
    [[nodiscard]] const std::vector<UserCounts>* users();
    /// Inode number of the reader's own user namespace; 0 if it cannot be told.
    [[nodiscard]] std::uint32_t own_user_namespace() const;

    /// Whether a process was born after this look began.
    [[nodiscard]] bool is_younger(const ProcessStat& process) const {
        return process.start_time > began_;
    }
    [[nodiscard]] const std::string& sys() const { return sys_; }

    /// Calls `visit` with every process, kernel threads and zombies included. If `remember`,
    /// processes() needs no pass of its own any more.
    /// The error: /proc cannot be listed.
    Result<void> visit_processes(const std::function<void(const ProcessFiles&)>& visit,
                                 bool remember);
    /// Every process, kernel threads and zombies included.
    [[nodiscard]] const std::vector<ProcessSummary>& processes();

    /// "leaky"; "" if the process has ended.
    [[nodiscard]] std::string process_comm(pid_t pid) const;
    /// "user www-data", for people; the number where it has no name.
    [[nodiscard]] std::string user_name(uid_t uid) const;

    /// A file below /proc, whole, and the number that is word `index` of its first line.
    [[nodiscard]] Result<std::string> proc_text(std::string_view name) const;
    [[nodiscard]] Result<std::uint64_t> proc_number(std::string_view name,
                                                    unsigned index = 0) const;

    /// The number behind the first word KEY of a file below /proc: "SwapTotal:" in "meminfo".
    [[nodiscard]] Result<std::uint64_t> proc_field(std::string_view name,
                                                   std::string_view key) const;

    [[nodiscard]] const Result<std::vector<Mount>>& mounts();
    [[nodiscard]] Result<CgroupTree> cgroups(std::string_view controller);
    /// That of cgroup v2, whatever controllers it has.
    [[nodiscard]] Result<CgroupTree> unified_cgroups();
    [[nodiscard]] const ListeningSockets& listening();
    /// Knows the owners of the sockets of listening().
    [[nodiscard]] const DescriptorOwners& descriptors();

  private:
    Procfs procfs_;
    std::string sys_;
    std::uint64_t began_;  // clock ticks since boot, as ProcessStat::start_time
    std::optional<std::vector<brink_task>> tasks_;
    std::optional<std::vector<UserCounts>> users_;
    std::optional<std::vector<ProcessSummary>> processes_;
    std::optional<Result<std::vector<Mount>>> mounts_;
    std::optional<ListeningSockets> listening_;
    std::unique_ptr<DescriptorOwners> descriptors_;
};

}  // namespace brink::kernel
