// SPDX-License-Identifier: Apache-2.0
// Evidence: which mappings make up a process's memory, by the file that is mapped, or "[heap]", "[stack]", "[anonymous]".
#pragma once

#include <sys/types.h>

#include "brink/event.hpp"
#include "kernel/descriptor_table.hpp"
#include "kernel/procfs.hpp"

namespace brink::kernel {

enum class MappingMeasure {
    size,      ///< bytes of address space
    data,      ///< bytes of what is private and can be written, without stacks: RLIMIT_DATA
    resident,  ///< bytes in memory
    count,     ///< mappings
};

/// The largest first, as describe_descriptors() does it: never fails, is bounded, and says what is missing. `resident` has
/// the kernel walk through page tables: some milliseconds a gigabyte.
[[nodiscard]] Evidence describe_mappings(const Procfs& procfs, pid_t pid, MappingMeasure measure,
                                         const DescribeBounds& bounds = {});

}  // namespace brink::kernel
