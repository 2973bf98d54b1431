// SPDX-License-Identifier: Apache-2.0
// ProcessFiles: one look at one process, for the resources that are read from it. Each file is read
// at most once, when it is first asked for; the object is thrown away with the look.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "kernel/procfs.hpp"

namespace brink::kernel {

class ProcessFiles {
  public:
    /// `procfs` must outlive the object. `pid` may be a tid: it is the process's all the same, but
    /// for the descriptor table, of which a thread can have its own.
    ProcessFiles(const Procfs& procfs, pid_t pid) : procfs_(&procfs), pid_(pid) {}

    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] const Procfs& procfs() const { return *procfs_; }

    /// What stands behind "NAME:" in /proc/PID/status, proc_pid_status(5), without blanks around it;
    /// empty if there is no such line (VmSize: a kernel thread or a zombie). The error: it has ended.
    [[nodiscard]] Result<std::string_view> status(std::string_view name) const;
    /// Whether status() has been asked for anything: then it costs nothing more.
    [[nodiscard]] bool status_is_read() const { return status_.has_value(); }
    /// Whether it has memory of its own: neither a kernel thread nor a zombie.
    [[nodiscard]] bool has_memory() const;
    /// The first number there. Errors: ESRCH, also where there is no such line: the process is ending.
    [[nodiscard]] Result<std::uint64_t> number(std::string_view name) const;
    /// The same where the line is in kB, in bytes.
    [[nodiscard]] Result<std::uint64_t> bytes(std::string_view name) const;

    /// Mappings, as vm.max_map_count counts them: lines of /proc/PID/maps without [vsyscall] or [vectors], which are the
    /// kernel's. Needs the ptrace read right.
    [[nodiscard]] Result<std::uint64_t> mappings() const;

    /// User and system time of all its threads, those that have ended included, as the kernel holds it
    /// against RLIMIT_CPU.
    [[nodiscard]] Result<std::uint64_t> cpu_time_ns() const;

    [[nodiscard]] Result<Limit> limit(int rlimit) const { return procfs_->limit(pid_, rlimit); }

  private:
    const Procfs* procfs_;
    pid_t pid_;
    mutable std::optional<Result<std::string>> status_;
};

}  // namespace brink::kernel
