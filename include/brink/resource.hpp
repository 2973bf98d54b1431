// SPDX-License-Identifier: Apache-2.0
// The table of resources: what has a limit. One row is one file of src/resource; the command line,
// `limits`, `doctor` and the documentation iterate the table.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace brink {

enum class Scope { process, user, cgroup, socket, system };
enum class Unit { count, bytes, time_ns };

/// What the hooks of the engines `kernel` and `tracepoint` see of a resource.
enum class Hooked {
    no,
    descriptors,
    address_space,
    data,
    stack,
    locked_memory,
    mappings,
    threads,
    resident_memory,
    user_processes,
    user_queues,
    user_signals,
    user_locked_memory,
    user_inotify_instances,
    user_inotify_watches,
    cgroup_pids,
    cgroup_memory,
    cgroup_memory_high,
    cgroup_swap,
    socket_queue,
};

/// What the kernel itself offers to tell of a resource, without hooks: the engines `timer` and `notify`.
enum class Facility {
    none,
    cpu_timer,  ///< a timer on the CPU clock of a process
    pressure,   ///< a trigger on a file of PSI; also of the whole system
    wakeups,    ///< tracepoints of the scheduler: each wake-up of a thread
    cgroup_events,  ///< a file of a cgroup that changes when a charge is refused; it does not tell of levels
};

struct Resource {
    std::string_view name;  ///< as in `-w NAME=…`
    Scope scope;
    Unit unit;
    std::string_view summary;     ///< one line for people
    std::string_view limited_by;  ///< where the limit is set: "RLIMIT_NOFILE", "vm.max_map_count"
    int denied_errno = 0;         ///< what a program sees when the limit bites; 0: no call fails
    std::string_view exactness;   ///< "exact", or the tolerance and why
    std::string_view unreadable = {};  ///< why nothing can be read from outside; empty if it can
    Hooked hooked = Hooked::no;
    Facility facility = Facility::none;
    bool evidence = false;  ///< what a usage consists of can be told: the action `evidence`

    [[nodiscard]] bool has_hooks() const { return hooked != Hooked::no; }

    /// Whether engine `tracepoint` has hooks as well as `kernel`: for subjects that are no process it has none.
    [[nodiscard]] bool has_tracepoints() const { return has_hooks() && scope == Scope::process; }

    /// Whether there is a usage that can be watched.
    [[nodiscard]] bool watchable() const {
        return has_hooks() || facility == Facility::wakeups || unreadable.empty();
    }
};

/// Every resource, by name. The storage is static; usable from any thread.
[[nodiscard]] std::span<const Resource* const> resources();

/// nullptr if there is no such resource.
[[nodiscard]] const Resource* find_resource(std::string_view name);

/// The name that was probably meant by `name`; empty if none comes near.
[[nodiscard]] std::string_view nearest_resource(std::string_view name);

/// "process", "user", "cgroup", "socket", "system".
[[nodiscard]] std::string_view scope_name(Scope scope);

}  // namespace brink
