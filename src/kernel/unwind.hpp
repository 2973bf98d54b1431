// SPDX-License-Identifier: Apache-2.0
// From registers and stack bytes captured in the kernel to frames with names.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "bpf/wire.h"
#include "brink/event.hpp"

namespace brink::kernel {

struct UnwindResult {
    std::vector<StackFrame> frames;  ///< innermost first, at most 64
    std::string unavailable;         ///< why something is missing; empty if nothing is
};

/// Unwinds what `stack` captured in a thread of process `pid` (a number of our own pid namespace;
/// any thread of the process will do, they share the mappings). Needs the ptrace read right.
///
/// Call frame information comes from the files that are mapped, as the process sees them
/// (/proc/PID/root); where there is none libdw follows frame pointers. Memory is first that of the
/// capture, above it that of the process now, whose outer frames seldom changed meanwhile. Source
/// lines come from debug information in the file itself or below /usr/lib/debug by build id;
/// nothing is asked of a debuginfod server, whatever DEBUGINFOD_URLS says.
///
/// Never fails: if the process is gone the frames have addresses only, as far as frame pointers
/// lead. Takes tens of milliseconds as a rule; after `time` nothing more is looked up, and
/// `unavailable` says so (one lookup is not interrupted). Not thread-safe for the same `pid`.
[[nodiscard]] UnwindResult unwind(pid_t pid, const brink_stack_record& stack,
                                  std::chrono::milliseconds time = std::chrono::seconds(1));

}  // namespace brink::kernel
