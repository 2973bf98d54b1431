// SPDX-License-Identifier: Apache-2.0
// The event: what brink says when something happened. JSON output, sinks, the history and the
// library carry the same fields; docs/event.schema.json is the formal description.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace brink {

enum class EventType {
    crossing,       ///< usage went from one side of a level to the other
    initial,        ///< a watch was set, or a child born, at or above a level
    denied,         ///< the kernel refused because of the limit
    limit_changed,  ///< the limit itself was changed
    exit,           ///< the subject is gone, or is watched no longer (`reason`)
    lost,           ///< records of this monitor were dropped (`lost`: how many)
    resync,         ///< after `lost`: where one subject now stands
    action,         ///< brink did something because of an event
};

enum class Direction { up, down };

/// One line of a breakdown of the usage: `count` units of `kind` go to `target`.
struct EvidenceItem {
    std::string kind;    ///< "file", "socket", "pipe", "eventfd", …
    std::string target;  ///< path, or for sockets protocol, state and addresses; may be empty
    std::uint64_t count = 0;
};

/// One frame of a user stack, innermost first.
struct StackFrame {
    std::uint64_t address = 0;
    std::string function;      ///< empty if there is no symbol
    std::string module;        ///< file that is mapped there; empty if none
    std::uint64_t offset = 0;  ///< into `function`, or into `module` where there is no symbol
    std::string source;        ///< "file:line" where there is debug information
};

struct Evidence {
    std::uint64_t total = 0;          ///< what the items add up to
    std::vector<EvidenceItem> items;  ///< largest first
    std::uint64_t omitted = 0;        ///< units in items that were left out to stay bounded
    std::vector<StackFrame> stack;    ///< of the operation that crossed; empty if not captured
    std::string unavailable;          ///< why something is missing; empty if nothing is
};

/// Something that a processor did while a thread waited for it.
struct CulpritItem {
    /// "task"; "self", the thread itself; "idle"; "irq", "softirq", "interrupt" (of the processor itself: timer, calls from
    /// other processors); "unknown", what was not seen.
    std::string kind;
    std::string name;  ///< of the task, the driver's interrupt, the softirq; may be empty
    std::optional<std::uint32_t> id;  ///< pid of the task (if visible), number of the irq
    std::uint64_t ns = 0;             ///< without what came in between
    std::uint64_t count = 0;          ///< how often it had the processor
};

/// What one processor did over a time, all of it.
struct Culprit {
    std::uint32_t cpu = 0;
    std::uint64_t ns = 0;            ///< how long; what the items and omitted_ns add up to
    std::vector<CulpritItem> items;  ///< longest first
    std::uint64_t omitted_ns = 0;    ///< in items that were left out to stay bounded
};

/// A field that does not apply is nullopt (or empty) and is left out of every output.
struct Event {
    EventType type = EventType::crossing;
    std::int64_t time_ns = 0;        ///< CLOCK_REALTIME, nanoseconds since the epoch
    std::uint64_t monotonic_ns = 0;  ///< CLOCK_MONOTONIC
    std::uint64_t seq = 0;           ///< per monitor, from 1; gaps only where `lost` says so

    std::string resource;
    std::string scope;  ///< "process", "thread", "user", "cgroup", "socket", "system"
    std::optional<Direction> direction;
    std::optional<std::uint64_t> level;  ///< in `unit`
    std::string level_as;                ///< as the user typed it
    std::string cause;                   ///< "limit" or "exit" where no operation crossed
    std::optional<std::uint64_t> usage;
    std::optional<std::uint64_t> limit;  ///< with has_limit: nullopt means unlimited
    std::optional<std::uint64_t> limit_hard;
    bool has_limit = false;
    std::optional<std::uint64_t> old_limit;  ///< limit_changed
    std::string unit;

    // Of the subject where it is a process or thread; of a socket its owner; else who acted, where that is known.
    std::optional<std::int32_t> pid;  ///< in the monitor's pid namespace
    std::optional<std::int32_t> tid;
    std::optional<std::int32_t> ppid;
    std::optional<std::uint64_t> start_time;  ///< field 22 of /proc/PID/stat, clock ticks
    std::string comm;
    std::string exe;
    std::optional<std::uint32_t> uid;  ///< of scope "user" the subject
    /// Scope "user": inode number of the user namespace, where it is another than brink's own.
    std::optional<std::uint32_t> user_namespace;
    std::string cgroup;  ///< of scope "cgroup" the subject
    std::string unit_name;
    std::string
        target;  ///< scopes "socket" and "system": which of several; an address, a mount point

    std::string engine;  ///< "kernel", "tracepoint", "timer", "notify", "poll"
    std::optional<std::uint32_t> watch;
    std::string rule;  ///< of brinkd's configuration; empty elsewhere
    std::string host;
    std::string boot_id;

    std::optional<int> error;            ///< denied: errno, where a system call failed
    std::optional<std::uint64_t> times;  ///< denied: how often since the last one; nullopt: once
    std::optional<std::uint64_t> lost;   ///< lost: records dropped
    std::string
        reason;  ///< exit: why, if not because the subject ended; denied without errno: "oom", "max" …

    std::string action;                      ///< action: as typed, "signal:TERM"
    std::string result;                      ///< action: "sent", "done", "failed", …
    std::string detail;                      ///< action: one clear sentence
    std::optional<std::uint64_t> cause_seq;  ///< action: seq of the event that led to it
    std::optional<Evidence> evidence;

    std::optional<Culprit>
        culprit;  ///< wakeup_latency: what had the processor while the thread waited

    /// limit - usage; negative where the limit was lowered below the usage. nullopt: no limit.
    [[nodiscard]] std::optional<std::int64_t> headroom() const {
        if (!usage || !limit) return std::nullopt;
        return static_cast<std::int64_t>(*limit) - static_cast<std::int64_t>(*usage);
    }
};

}  // namespace brink
