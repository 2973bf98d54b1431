// SPDX-License-Identifier: Apache-2.0
// Whether this kernel preempts kernel code, and so may interrupt a hook half way.
#pragma once

namespace brink::kernel {

/// False for kernels built without preemption or running with preempt=none or =voluntary; true for
/// PREEMPT_RT, preempt=full and preempt=lazy, and where it cannot be told. Reads
/// /sys/kernel/debug/sched/preempt (5.12), else /proc/cmdline and the version in uname(2).
[[nodiscard]] bool kernel_is_preemptible();

}  // namespace brink::kernel
