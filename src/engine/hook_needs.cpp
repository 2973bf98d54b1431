// SPDX-License-Identifier: Apache-2.0
#include "engine/hook_needs.hpp"

namespace brink::engine {

using kernel::HookPlace;

kernel::HookOptions no_hooks() {
    kernel::HookOptions options;
    options.descriptors = options.closes = options.memory = options.resident = options.processes =
        false;
    options.owners = options.selections = options.cgroups = options.names = options.users =
        options.policies = false;
    options.shared = 0;
    return options;
}

void add_needs(kernel::HookOptions& options, const Resource& resource, bool down) {
    if (resource.scope == Scope::process) options.processes = true;
    switch (resource.hooked) {
        case Hooked::no:
        case Hooked::threads: break;
        case Hooked::descriptors:
            options.descriptors = true;
            if (down) options.closes = true;
            break;
        case Hooked::address_space:
        case Hooked::data:
        case Hooked::stack:
        case Hooked::locked_memory:
        case Hooked::mappings: options.memory = true; break;
        case Hooked::resident_memory: options.resident = true; break;
        case Hooked::user_processes:
        case Hooked::user_queues:
        case Hooked::user_locked_memory: options.shared |= HookPlace::kUserLimits; break;
        case Hooked::user_signals: options.shared |= HookPlace::kSignals; break;
        case Hooked::user_inotify_instances:
        case Hooked::user_inotify_watches: options.shared |= HookPlace::kInotify; break;
        case Hooked::cgroup_pids: options.shared |= HookPlace::kCgroupPids; break;
        case Hooked::cgroup_memory:
        case Hooked::cgroup_memory_high:
        case Hooked::cgroup_swap: options.shared |= HookPlace::kCgroupMemory; break;
        case Hooked::socket_queue: options.shared |= HookPlace::kSockets; break;
    }
}

bool has_hooks(const Resource& resource, kernel::HookEngine engine) {
    return engine == kernel::HookEngine::kernel ? resource.has_hooks() : resource.has_tracepoints();
}

}  // namespace brink::engine
