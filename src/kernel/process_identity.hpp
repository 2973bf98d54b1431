// SPDX-License-Identifier: Apache-2.0
// ProcessIdentity: one process (or thread) and no other that may get its number later.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "kernel/procfs.hpp"

namespace brink::kernel {

class ProcessIdentity {
  public:
    /// Who has number `pid` now. Errors: ESRCH, it is gone; EINVAL, `pid` is a thread that leads no
    /// process and `thread` is false. Costs one descriptor where the kernel has pidfds for the
    /// kind (pidfd_open(2): processes since 5.3, threads since 6.9) and there is room for it.
    [[nodiscard]] static Result<ProcessIdentity> take(const Procfs& procfs, pid_t pid,
                                                      bool thread = false);

    [[nodiscard]] pid_t pid() const { return stat_.pid; }
    [[nodiscard]] std::uint64_t start_time() const { return stat_.start_time; }  ///< clock ticks
    [[nodiscard]] const ProcessStat& first_stat() const { return stat_; }

    /// Readable once the process has ended; -1 if there is none.
    [[nodiscard]] int pidfd() const { return pidfd_.get(); }

    /// Whether it has ended, reaped or not. What was read about the pid *before* this said false
    /// was about this process.
    [[nodiscard]] bool ended(const Procfs& procfs) const;

  private:
    ProcessStat stat_;
    Fd pidfd_;
};

}  // namespace brink::kernel
