// SPDX-License-Identifier: Apache-2.0
// Whether a process is of a selection, as /proc shows it. The hooks decide the same in the kernel
// (src/bpf/selector.bpf.c).
#pragma once

#include "engine/selection.hpp"
#include "kernel/procfs.hpp"

namespace brink::engine {

/// Whether process `pid` is of `selection` now. The kernel's own processes and those that have ended are of none.
[[nodiscard]] bool is_selected(const Selection& selection, const kernel::Procfs& procfs, pid_t pid);

}  // namespace brink::engine
