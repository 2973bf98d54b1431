// SPDX-License-Identifier: Apache-2.0
// TaskIterator: the kernel's iterator over all processes. A pass of it says what /proc would take a file of each for, and the
// counts of users, which /proc does not have.
#pragma once

#include <memory>
#include <vector>

#include "base/result.hpp"
#include "bpf/tasks.h"

struct bpf_link;
struct brink_tasks;

namespace brink::kernel {

class TaskIterator {
  public:
    /// Loads the program: some ten milliseconds. Errors: this kernel or these privileges do not allow it (lockdown, no BTF,
    /// not root), or /proc is that of another pid namespace; the sentence says why.
    [[nodiscard]] static Result<std::unique_ptr<TaskIterator>> load();
    ~TaskIterator();
    TaskIterator(const TaskIterator&) = delete;
    TaskIterator& operator=(const TaskIterator&) = delete;

    /// One pass: every process that is visible in the reader's pid namespace, kernel threads and zombies included.
    [[nodiscard]] Result<std::vector<brink_task>> read() const;

  private:
    TaskIterator() = default;

    brink_tasks* skeleton_ = nullptr;
    bpf_link* link_ = nullptr;
};

}  // namespace brink::kernel
