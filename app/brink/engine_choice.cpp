// SPDX-License-Identifier: Apache-2.0
#include "engine_choice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/hook_needs.hpp"
#include "engine/hook_source.hpp"
#include "engine_parts.hpp"

namespace brink::app {
namespace {

using kernel::HookEngine;

// The hooks that see who comes to match.
void want_selection(const std::optional<engine::Selection>& selection,
                    kernel::HookOptions& wanted) {
    using engine::SelectBy;
    const auto is = [&](SelectBy by) { return selection && selection->by == by; };
    wanted.cgroups = is(SelectBy::cgroup) || is(SelectBy::unit) || is(SelectBy::container);
    wanted.names = is(SelectBy::comm);
    wanted.users = is(SelectBy::user);
    wanted.policies = is(SelectBy::realtime);
}

Result<ChosenEngine> hook_engine(HookEngine engine, const MonitorOptions& options) {
    kernel::HookOptions wanted = engine::no_hooks();
    wanted.engine = engine;
    wanted.btf = options.btf;
    wanted.max_subjects = static_cast<std::uint32_t>(options.max_subjects);
    for (const engine::WatchSpec& watch : options.watches)
        if (engine::has_hooks(*watch.resource, engine))
            engine::add_needs(wanted, *watch.resource, watch.down);
    want_selection(options.selection, wanted);
    auto source = engine::HookSource::create(wanted);
    if (!source) return tl::unexpected(source.error());
    if (auto attached = (*source)->attach(); !attached) return tl::unexpected(attached.error());
    ChosenEngine chosen;
    chosen.remark = "exact";
    if ((*source)->leaves_out())
        chosen.remark +=
            ", but this kernel preempts kernel code and may leave out a hook then: counts that "
            "are off are noticed and corrected, a child may go unwatched";
    if (engine == HookEngine::tracepoint)
        chosen.remark += "; while it runs every process pays: an empty system call takes about 1.8 "
                         "times as long, an open and close 1.2 times";
    chosen.remark += (*source)->no_refusals();
    chosen.source = std::move(*source);
    return chosen;
}

// The hooks that were asked for, or why they cannot be had.
Result<ChosenEngine> the_hooks(EngineChoice choice, const MonitorOptions& options) {
    const bool kernel = choice == EngineChoice::kernel;
    auto chosen = hook_engine(kernel ? HookEngine::kernel : HookEngine::tracepoint, options);
    if (chosen) return chosen;
    return fail(fmt::format("--engine {}: {}; without --engine the best that works is used",
                            kernel ? "kernel" : "tracepoint", chosen.error().message),
                chosen.error().code);
}

// The best hooks that there are. The error: "; …", why there are none.
Result<ChosenEngine> the_best(const MonitorOptions& options) {
    auto best = hook_engine(HookEngine::kernel, options);
    if (best) return best;
    const std::string why = "; not engine kernel: " + best.error().message;
    const bool traced = std::any_of(options.watches.begin(), options.watches.end(),
                                    [](const auto& watch) {
                                        return watch.resource->has_tracepoints();
                                    });
    if (!traced) return fail(why);
    auto chosen = hook_engine(HookEngine::tracepoint, options);
    if (chosen)
        chosen->remark += why;
    else if (chosen.error().message == best.error().message)
        return fail("; not engines kernel and tracepoint: " + best.error().message);
    else
        return fail(why + "; not engine tracepoint: " + chosen.error().message);
    return chosen;
}

// The resources watched, by what can watch them.
struct Sorted {
    Resources hooked;
    Resources timed;
    Resources woken;          // wake-ups
    Resources pressed;        // pressure
    Resources without_hooks;  // the others of processes
    Resources shared;         // those of no process
    Resources refused;        // besides: those of which the kernel says when they are refused
};

// Without `hooks` none are to be had, without `told` the kernel does not tell either.
Sorted sort_resources(const MonitorOptions& options, bool hooks, bool told) {
    Sorted sorted;
    for (const engine::WatchSpec& watch : options.watches) {
        const Resource* resource = watch.resource;
        const Facility facility = told ? resource->facility : Facility::none;
        if (hooks && (options.engine == EngineChoice::tracepoint ? resource->has_tracepoints()
                                                                 : resource->has_hooks()))
            sorted.hooked.insert(resource);
        else if (facility == Facility::cpu_timer)
            sorted.timed.insert(resource);
        else if (resource->facility == Facility::wakeups)
            sorted.woken.insert(resource);
        else if (facility == Facility::pressure)
            sorted.pressed.insert(resource);
        else if (resource->scope == Scope::process)
            sorted.without_hooks.insert(resource);
        else
            sorted.shared.insert(resource);
        // The hooks see a refused fork; memory is reclaimed, or somebody killed.
        const bool unseen = sorted.shared.contains(resource) || resource->denied_errno == 0;
        if (facility == Facility::cgroup_events && unseen) sorted.refused.insert(resource);
    }
    return sorted;
}

// What `hooks` do not see after all is left to the others.
void leave_to_others(const ChosenEngine& hooks, Sorted& sorted) {
    if (hooks.source->engine() == "kernel") return;
    std::erase_if(sorted.hooked, [&](const Resource* resource) {
        if (resource->has_tracepoints()) return false;
        (resource->scope == Scope::process ? sorted.without_hooks : sorted.shared).insert(resource);
        return true;
    });
}

// An engine that was asked for has to have hooks for everything.
Result<void> check_asked(const MonitorOptions& options, const Sorted& sorted) {
    if (options.engine == EngineChoice::poll && !sorted.woken.empty())
        return fail(fmt::format("--engine poll: {} cannot be read from outside; leave --engine out",
                                names(sorted.woken)));
    if (options.engine != EngineChoice::kernel && options.engine != EngineChoice::tracepoint)
        return {};
    Resources missing = sorted.without_hooks;
    missing.insert(sorted.timed.begin(), sorted.timed.end());
    missing.insert(sorted.pressed.begin(), sorted.pressed.end());
    missing.insert(sorted.shared.begin(), sorted.shared.end());
    if (missing.empty()) return {};
    return fail(fmt::format("--engine {}: it has no hooks for {}; without --engine each resource "
                            "gets the best that there is for it",
                            options.engine == EngineChoice::kernel ? "kernel" : "tracepoint",
                            names(missing)));
}

// What the kernel tells of without hooks. Where it does not, the resource is to be polled.
Result<void> add_told(const MonitorOptions& options, Sorted& sorted, EngineParts& parts) {
    if (!sorted.timed.empty()) {
        auto timers = timer_engine(options);
        if (!timers) return tl::unexpected(timers.error());
        parts.add(std::move(*timers), sorted.timed);
    }
    if (!sorted.woken.empty()) {
        auto wakeups = wakeup_engine(options);
        if (!wakeups) return tl::unexpected(wakeups.error());
        parts.add(std::move(*wakeups), sorted.woken);
    }
    if (sorted.pressed.empty()) return {};
    auto pressure = pressure_engine();
    if (pressure) {
        parts.add(std::move(*pressure), sorted.pressed);
        return {};
    }
    parts.say_last("; not engine notify: " + pressure.error().message);
    sorted.shared.merge(sorted.pressed);
    return {};
}

Result<void> add_polled(const MonitorOptions& options, const Sorted& sorted, EngineParts& parts) {
    if (!sorted.without_hooks.empty()) {
        auto poll = poll_engine(options, sorted.without_hooks);
        if (!poll) return tl::unexpected(poll.error());
        parts.add(std::move(*poll), sorted.without_hooks);
    }
    if (sorted.shared.empty()) return {};
    auto poll = shared_poll_engine(options, sorted.shared);
    if (!poll) return tl::unexpected(poll.error());
    parts.add(std::move(*poll), sorted.shared);
    return {};
}

void add_refusals(const Sorted& sorted, EngineParts& parts) {
    if (sorted.refused.empty()) return;
    if (auto refusals = refusal_engine())
        parts.add(std::move(*refusals), sorted.refused);
    else
        parts.say_last("; refusals are not seen: " + refusals.error().message);
}

}  // namespace

Result<ChosenEngine> choose_engine(const MonitorOptions& options) {
    const bool asked = options.engine == EngineChoice::kernel ||
                       options.engine == EngineChoice::tracepoint;
    const bool polls = options.engine == EngineChoice::poll;
    Sorted sorted = sort_resources(options, !polls, !polls);
    if (auto checked = check_asked(options, sorted); !checked)
        return tl::unexpected(checked.error());
    EngineParts parts;
    if (!sorted.hooked.empty()) {
        auto hooks = asked ? the_hooks(options.engine, options) : the_best(options);
        if (hooks) {
            leave_to_others(*hooks, sorted);
            parts.add(std::move(*hooks), sorted.hooked);
        } else if (asked) {
            return hooks;
        } else {
            parts.say_last(hooks.error().message);
            sorted = sort_resources(options, false, true);
        }
    }
    if (auto added = add_told(options, sorted, parts); !added) return tl::unexpected(added.error());
    if (auto added = add_polled(options, sorted, parts); !added)
        return tl::unexpected(added.error());
    add_refusals(sorted, parts);
    return parts.take();
}

Result<std::unique_ptr<kernel::TaskIterator>> choose_task_iterator(EngineChoice choice) {
    if (choice == EngineChoice::poll) return nullptr;
    auto iterator = kernel::TaskIterator::load();
    if (iterator) return iterator;
    if (choice != EngineChoice::kernel) return nullptr;
    return fail("--engine kernel: " + iterator.error().message, iterator.error().code);
}

kernel::Machine look_at_machine(const kernel::TaskIterator* iterator) {
    kernel::Machine machine;
    if (iterator)
        if (auto tasks = iterator->read()) machine.use(std::move(*tasks));
    return machine;
}

}  // namespace brink::app
