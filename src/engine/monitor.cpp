// SPDX-License-Identifier: Apache-2.0
#include "engine/monitor.hpp"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/clock.hpp"
#include "base/units.hpp"

namespace brink::engine {
namespace {

constexpr std::size_t kMaxNames = 65536;

bool applies(const ActionSpec& action, const WatchSpec& watch, const Level& level) {
    return action.level == level.text &&
           (action.resource.empty() || action.resource == watch.resource->name);
}

// The watch as the hooks see it: levels, directions, and what they are to do themselves.
brink_watch wire_watch(const WatchSpec& watch, const std::vector<ActionSpec>& actions) {
    brink_watch wire = wire_watch(watch);
    for (std::size_t i = 0; i < watch.levels.size(); ++i) {
        brink_level& level = wire.levels[i];
        for (const ActionSpec& action : actions) {
            if (!applies(action, watch, watch.levels[i])) continue;
            const auto signal = static_cast<brink_u8>(action.signal);
            if (action.kind == ActionKind::signal && action.direction == Direction::up)
                level.signal_up = signal;
            else if (action.kind == ActionKind::signal)
                level.signal_down = signal;
            else if (action.kind == ActionKind::evidence && action.direction == Direction::up)
                level.flags |= BRINK_LEVEL_STACK;
        }
    }
    return wire;
}

EventType type_of(std::uint32_t record_type) {
    switch (record_type) {
        case BRINK_RECORD_INITIAL: return EventType::initial;
        case BRINK_RECORD_DENIED: return EventType::denied;
        case BRINK_RECORD_LIMIT: return EventType::limit_changed;
        case BRINK_RECORD_EXIT: return EventType::exit;
        case BRINK_RECORD_RESYNC: return EventType::resync;
        default: return EventType::crossing;
    }
}

// Of an EXIT: why, if the subject lives on.
std::string reason_of(std::uint32_t exit_reason) {
    switch (exit_reason) {
        case BRINK_EXIT_ENDED: return "";
        case BRINK_EXIT_UNSELECTED: return "selection";
        default: return "credentials";
    }
}

std::optional<std::uint64_t> finite(std::uint64_t limit) {
    if (limit == RLIM_INFINITY) return std::nullopt;
    return limit;
}

std::uint64_t clock_ticks(std::uint64_t ns) {
    static const auto per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    return ns / (1'000'000'000U / per_second);
}

std::string_view refusal_name(std::uint8_t cause) {
    switch (cause) {
        case BRINK_REFUSAL_MAX: return "max";
        case BRINK_REFUSAL_HIGH: return "high";
        case BRINK_REFUSAL_OOM: return "oom";
        case BRINK_REFUSAL_OOM_KILL: return "oom_kill";
        case BRINK_REFUSAL_FAIL: return "fail";
        case BRINK_REFUSAL_DROP: return "drop";
        default: return "";
    }
}

void set_refusal(Event& event, const brink_record& record) {
    if (record.errno_value) event.error = static_cast<int>(record.errno_value);
    event.reason = refusal_name(record.cause);
    if (record.old_limit > 1) event.times = record.old_limit;
}

std::string comm_of(const brink_record& record) {
    return {record.comm, ::strnlen(record.comm, sizeof record.comm)};
}

}  // namespace

Monitor::Monitor(std::unique_ptr<RecordSource> source, std::vector<WatchSpec> watches,
                 std::vector<ActionSpec> actions)
    : source_(std::move(source)),
      watches_(std::move(watches)),
      actions_(std::move(actions)),
      host_(procfs_.hostname()),
      boot_id_(procfs_.boot_id()) {}

Result<std::unique_ptr<Monitor>> Monitor::create(std::unique_ptr<RecordSource> source,
                                                 std::vector<WatchSpec> watches,
                                                 std::vector<ActionSpec> actions) {
    std::unique_ptr<Monitor> monitor(
        new Monitor(std::move(source), std::move(watches), std::move(actions)));
    for (const WatchSpec& watch : monitor->watches_) {
        auto added = monitor->source_->add_watch(*watch.resource,
                                                 wire_watch(watch, monitor->actions_));
        if (!added) return tl::unexpected(added.error());
    }
    return monitor;
}

Result<void> Monitor::bind(const Target& target) {
    for (std::uint32_t i = 0; i < watches_.size(); ++i)
        if (auto bound = source_->bind(i, target); !bound) return bound;
    return {};
}

Result<void> Monitor::select(const Selection& selection) {
    for (WatchSpec& watch : watches_) watch.inherit = true;  // children match, or do not
    for (std::uint32_t i = 0; i < watches_.size(); ++i)
        if (auto selected = source_->select(i, selection); !selected) return selected;
    return {};
}

void Monitor::stamp(Event& event) {
    if (event.monotonic_ns == 0) event.monotonic_ns = monotonic_now_ns();
    event.time_ns = realtime_of(event.monotonic_ns);
    event.seq = ++seq_;
    if (event.engine.empty()) event.engine = source_->engine();
    event.host = host_;
    event.boot_id = boot_id_;
}

void Monitor::read(const Handler& handler) {
    source_->read([&](const brink_record& record, const brink_stack_record* stack) {
        if (record.type == BRINK_RECORD_LOST)
            say_lost(record.usage, handler);
        else
            take(record, stack, handler);
    });
    say_lost(~std::uint64_t{0}, handler);
}

// What was dropped and not said yet, but not more than `most`.
void Monitor::say_lost(std::uint64_t most, const Handler& handler) {
    const std::uint64_t lost = std::min(most, source_->dropped() - lost_);
    if (lost == 0) return;
    Event event;
    event.type = EventType::lost;
    event.lost = lost;
    seq_ += lost;
    lost_ += lost;
    stamp(event);
    handler(event, Context{});
}

void Monitor::take(const brink_record& record, const brink_stack_record* stack,
                   const Handler& handler) {
    if (record.type == BRINK_RECORD_ARMED || record.watch >= watches_.size()) {
        names_.erase(record.tally);  // it has another name now
        return;
    }
    if (said_by_another_watch(record)) {
        if (record.type == BRINK_RECORD_EXIT) names_.erase(record.tally);
        return;
    }
    const Event event = event_of(record);
    handler(event, context_of(event, record, stack));
    if (record.type == BRINK_RECORD_EXIT) names_.erase(record.tally);
}

// What concerns the subject and not a level comes once for each watch on it; the first watch of the
// resource speaks for all.
bool Monitor::said_by_another_watch(const brink_record& record) const {
    if (record.type != BRINK_RECORD_EXIT && record.type != BRINK_RECORD_DENIED &&
        record.type != BRINK_RECORD_LIMIT)
        return false;
    const WatchSpec& watch = watches_[record.watch];
    for (std::uint32_t i = 0; i < record.watch; ++i)
        if (watches_[i].resource == watch.resource && (watches_[i].inherit || !watch.inherit))
            return true;
    return false;
}

Event Monitor::event_of(const brink_record& record) {
    const WatchSpec& watch = watches_[record.watch];
    Event event;
    event.type = type_of(record.type);
    event.monotonic_ns = record.monotonic_ns;
    event.resource = watch.resource->name;
    event.unit = unit_code(watch.resource->unit);
    event.watch = record.watch + 1;
    event.engine = source_->engine_of(record.tally);
    if (record.type != BRINK_RECORD_EXIT) {
        event.usage = record.usage;
        event.has_limit = true;
        event.limit = finite(record.limit);
        event.limit_hard = finite(record.limit_hard);
    }
    if (record.type == BRINK_RECORD_LIMIT) event.old_limit = finite(record.old_limit);
    if (record.type == BRINK_RECORD_DENIED) set_refusal(event, record);
    if (record.type == BRINK_RECORD_EXIT) event.reason = reason_of(record.errno_value);
    if (record.type == BRINK_RECORD_CROSSING || record.type == BRINK_RECORD_INITIAL)
        set_level(event, record);
    if (const resource::Subject* subject = source_->subject_of(record.tally))
        set_subject(event, record, *subject);
    else
        set_process(event, record);
    if (const Culprit* culprit = source_->culprit()) event.culprit = *culprit;
    stamp(event);
    return event;
}

void Monitor::set_level(Event& event, const brink_record& record) const {
    const WatchSpec& watch = watches_[record.watch];
    event.direction = record.flags & BRINK_RECORD_UP ? Direction::up : Direction::down;
    event.level = record.level;
    if (record.level_index < watch.levels.size())
        event.level_as = watch.levels[record.level_index].text;
    if (record.cause == BRINK_CAUSE_LIMIT) event.cause = "limit";
    if (record.cause == BRINK_CAUSE_EXIT) event.cause = "exit";
}

// The subject is no process. Of who acted the record says what is known.
void Monitor::set_subject(Event& event, const brink_record& record,
                          const resource::Subject& subject) const {
    event.scope = scope_name(resource::scope_of(*watches_[record.watch].resource, subject));
    event.cgroup = subject.cgroup;
    event.unit_name = kernel::unit_name(subject.cgroup);
    event.target = subject.target;
    event.uid = subject.uid;
    if (subject.user_namespace) event.user_namespace = subject.user_namespace;
    event.pid = subject.pid;
    event.comm = subject.comm;
    if (!record.ns_pid) return;
    event.pid = static_cast<std::int32_t>(record.ns_pid);
    if (record.ns_tid) event.tid = static_cast<std::int32_t>(record.ns_tid);
    event.comm = comm_of(record);
    if (event.scope != "user") event.uid = record.uid;
}

void Monitor::set_process(Event& event, const brink_record& record) {
    event.scope = record.flags & BRINK_RECORD_THREAD ? "thread" : scope_name(Scope::process);
    if (record.ns_pid) event.pid = static_cast<std::int32_t>(record.ns_pid);
    if (record.ns_tid) event.tid = static_cast<std::int32_t>(record.ns_tid);
    if (record.ppid) event.ppid = static_cast<std::int32_t>(record.ppid);
    event.start_time = clock_ticks(record.start_time_ns);
    const Names& names = names_of(record);
    event.exe = names.exe;
    event.cgroup = names.cgroup;
    event.unit_name = kernel::unit_name(names.cgroup);
    event.comm = names.comm;
    if (record.type != BRINK_RECORD_RESYNC) event.uid = record.uid;
}

// The path of the program and of the cgroup are read when a subject is first heard of, and again
// when its name or its cgroup is another than then. A pid that has another owner by now tells
// nothing.
const Monitor::Names& Monitor::names_of(const brink_record& record) {
    if (names_.size() > kMaxNames) names_.clear();
    Names& names = names_[record.tally];
    const std::string comm = comm_of(record);
    const bool known = names.start_time && names.generation == record.generation;
    if (known && (record.type == BRINK_RECORD_RESYNC ||
                  (names.comm == comm && names.cgroup_id == record.cgroup_id)))
        return names;
    const auto pid = static_cast<pid_t>(record.ns_pid);
    names =
        Names{record.generation, comm, {}, {}, record.cgroup_id, clock_ticks(record.start_time_ns)};
    if (pid == 0) return names;
    std::string exe = procfs_.exe(pid);
    std::string cgroup = procfs_.cgroup(pid);
    const auto stat = procfs_.stat(pid);
    if (!stat || stat->start_time != names.start_time) return names;
    names.exe = std::move(exe);
    names.cgroup = std::move(cgroup);
    if (names.comm.empty()) names.comm = stat->comm;
    return names;
}

Context Monitor::context_of(const Event& event, const brink_record& record,
                            const brink_stack_record* stack) const {
    Context context;
    context.named = record.flags & BRINK_RECORD_NAMED;
    if (record.flags & BRINK_RECORD_HAS_STACK) {
        context.stack = stack;
        context.stack_pid = stack && stack->pid == record.pid ? event.pid.value_or(0) : 0;
    }
    if (!event.direction) return context;
    const WatchSpec& watch = watches_[record.watch];
    for (const ActionSpec& action : actions_) {
        if (record.level_index >= watch.levels.size() || action.direction != *event.direction ||
            !applies(action, watch, watch.levels[record.level_index]))
            continue;
        const bool sent = action.kind == ActionKind::signal &&
                          record.flags & BRINK_RECORD_SIGNALLED;
        (sent ? context.done : context.actions).push_back(&action);
    }
    return context;
}

Event Monitor::action_event(const Event& cause, const ActionSpec& action) {
    Event event;
    event.type = EventType::action;
    event.resource = cause.resource;
    event.scope = cause.scope;
    event.uid = cause.uid;
    event.user_namespace = cause.user_namespace;
    event.cgroup = cause.cgroup;
    event.target = cause.target;
    event.pid = cause.pid;
    event.start_time = cause.start_time;
    event.comm = cause.comm;
    event.watch = cause.watch;
    event.engine = cause.engine;
    event.action = action.text;
    event.cause_seq = cause.seq;
    stamp(event);
    return event;
}

}  // namespace brink::engine
