// SPDX-License-Identifier: Apache-2.0
// Whom no action ever touches, whatever a rule says: brink itself, process 1, and the kernel's own threads.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "kernel/procfs.hpp"

namespace brink::action {

/// A pidfd of the process that had `pid` and started at `start_time` (field 22 of /proc/PID/stat), if it may be acted on.
/// The error says why not: it is gone, it is spared. Held open, its number has no other owner that could be meant.
[[nodiscard]] Result<Fd> take_hold(const kernel::Procfs& procfs, pid_t pid,
                                   std::uint64_t start_time);

}  // namespace brink::action
