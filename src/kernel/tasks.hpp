// SPDX-License-Identifier: Apache-2.0
// One pass of the kernel's task iterator over all processes: what /proc would take a file of each for, and the counts of
// users, which it does not have.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "bpf/tasks.h"

namespace brink::kernel {

/// Every process that is visible in the reader's pid namespace, kernel threads and zombies included. Errors: this kernel or
/// these privileges do not allow it (lockdown, no BTF, not root); the sentence says why.
[[nodiscard]] Result<std::vector<brink_task>> read_tasks();

}  // namespace brink::kernel
