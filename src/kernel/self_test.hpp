// SPDX-License-Identifier: Apache-2.0
// The self-test of the hooks: a hook that loads and attaches proves nothing, some never fire. A
// child process does everything that the hooks are there to see, while the kernel counts how often
// each program runs.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "kernel/hooks.hpp"

namespace brink::kernel {

struct EngineReport {
    HookEngine engine = HookEngine::kernel;
    bool works = false;  ///< every hook that counting of processes needs loads, attaches and fires
    std::string reason;  ///< why not
    std::vector<HookStatus> hooks;
    unsigned broken =
        0;  ///< HookPlace::kShared: numbers of subjects that are no process for which that is not so
    std::uint64_t map_bytes = 0;
};

/// Loads and attaches the hooks of `engine`, provokes each, and detaches them again. Takes up to
/// a second.
[[nodiscard]] EngineReport test_engine(HookEngine engine, const std::string& btf);

}  // namespace brink::kernel
