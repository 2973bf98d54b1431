// SPDX-License-Identifier: Apache-2.0
// Whether this kernel preempts kernel code, and so may interrupt a hook half way.
#pragma once

namespace brink::kernel {

enum class Preemption {
    none,     ///< built without it, or running with preempt=none or =voluntary
    kernel,   ///< preempt=full or =lazy; also where it cannot be told
    realtime  ///< PREEMPT_RT: spinlocks sleep, too
};

/// Reads uname(2), then /sys/kernel/debug/sched/preempt (5.12), else /proc/cmdline.
[[nodiscard]] Preemption kernel_preemption();

/// Whether programs on tracepoints can be preempted where the kernel preempts itself: uname(2) says 7.0 or
/// later (before, tracepoints were called with preemption off).
[[nodiscard]] bool preempts_tracepoints();

}  // namespace brink::kernel
