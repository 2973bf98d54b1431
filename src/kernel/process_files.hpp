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
#include "bpf/tasks.h"
#include "kernel/procfs.hpp"

namespace brink::kernel {

class ProcessFiles {
  public:
    /// `procfs` must outlive the object. `pid` may be a tid: it is the process's all the same, but
    /// for the descriptor table, of which a thread can have its own.
    ProcessFiles(const Procfs& procfs, pid_t pid) : procfs_(&procfs), pid_(pid) {}

    /// What the task iterator has said of it is not read from files; `task` must outlive the object.
    ProcessFiles(const Procfs& procfs, const brink_task& task)
        : procfs_(&procfs), task_(&task), pid_(static_cast<pid_t>(task.pid)) {}

    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] const Procfs& procfs() const { return *procfs_; }

    // What is counted. Errors: ESRCH, it has ended or has no memory (any more); EACCES, EPERM.

    [[nodiscard]] Result<std::uint64_t> descriptors() const;  ///< in its table
    [[nodiscard]] Result<std::uint64_t> threads() const;
    [[nodiscard]] Result<std::uint64_t> address_space() const;  ///< bytes: VmSize
    [[nodiscard]] Result<std::uint64_t> data() const;           ///< bytes: VmData
    [[nodiscard]] Result<std::uint64_t> stack() const;          ///< bytes: VmStk
    [[nodiscard]] Result<std::uint64_t> locked() const;         ///< bytes: VmLck
    [[nodiscard]] Result<std::uint64_t> resident() const;       ///< bytes: VmRSS

    /// Mappings, as vm.max_map_count counts them. From outside: lines of /proc/PID/maps without
    /// [vsyscall] or [vectors], which are the kernel's; needs the ptrace read right.
    [[nodiscard]] Result<std::uint64_t> mappings() const;

    /// User and system time of all its threads, those that have ended included, as the kernel holds it
    /// against RLIMIT_CPU.
    [[nodiscard]] Result<std::uint64_t> cpu_time_ns() const;

    [[nodiscard]] Result<Limit> limit(int rlimit) const;

    /// Whether the task iterator has given the last of what is counted, and not a file.
    [[nodiscard]] bool from_iterator() const { return from_iterator_; }

    /// What stands behind "NAME:" in /proc/PID/status, proc_pid_status(5), without blanks around it;
    /// empty if there is no such line (VmSize: a kernel thread or a zombie). The error: it has ended.
    [[nodiscard]] Result<std::string_view> status(std::string_view name) const;
    /// Whether has_memory() costs nothing more.
    [[nodiscard]] bool knows_memory() const { return task_ || status_.has_value(); }
    /// Whether it has memory of its own: neither a kernel thread nor a zombie. True where that cannot be told.
    [[nodiscard]] bool has_memory() const;

  private:
    [[nodiscard]] Result<std::uint64_t> number(std::string_view name) const;
    [[nodiscard]] Result<std::uint64_t> count(std::uint64_t of_task, std::string_view name) const;
    [[nodiscard]] Result<std::uint64_t> bytes(std::uint64_t pages_of_task,
                                              std::string_view name) const;

    const Procfs* procfs_;
    const brink_task* task_ = nullptr;
    pid_t pid_;
    mutable bool from_iterator_ = false;
    mutable std::optional<Result<std::string>> status_;
};

}  // namespace brink::kernel
