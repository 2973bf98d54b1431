// SPDX-License-Identifier: Apache-2.0
#include "engine_choice.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string_view>
#include <utility>

#include "engine/combined_source.hpp"
#include "engine/hook_needs.hpp"
#include "engine/hook_source.hpp"
#include "engine/poll_source.hpp"
#include "engine/pressure_source.hpp"
#include "engine/refusal_source.hpp"
#include "engine/shared_poll_source.hpp"

namespace brink::app {
namespace {

using kernel::HookEngine;
using Resources = std::set<const Resource*>;

// "cpu, space"
std::string names(const Resources& resources) {
    std::set<std::string_view> names;
    for (const Resource* resource : resources) names.insert(resource->name);
    return fmt::format("{}", fmt::join(names, ", "));
}

std::chrono::milliseconds milliseconds(std::uint64_t ns) {
    return std::chrono::milliseconds(std::max<std::uint64_t>(1, ns / 1'000'000));
}

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

engine::PollOptions poll_options(const MonitorOptions& options) {
    return {milliseconds(options.poll_shortest_ns), milliseconds(options.poll_longest_ns)};
}

// What it misses, and for which of `resources` nothing better exists.
std::string poll_remark(const MonitorOptions& options, const Resources& resources) {
    const engine::PollOptions interval = poll_options(options);
    std::string remark = fmt::format(
        "looks every {} to {} ms: what happens between two looks is missed, and refusals are not "
        "seen",
        interval.min_interval.count(), interval.max_interval.count());
    Resources without_hooks;
    for (const Resource* resource : resources)
        if (!resource->has_hooks()) without_hooks.insert(resource);
    if (!without_hooks.empty()) remark += "; there are no hooks for " + names(without_hooks);
    return remark;
}

Result<ChosenEngine> poll_engine(const MonitorOptions& options, const Resources& resources) {
    auto source = engine::PollSource::create(poll_options(options));
    if (!source) return tl::unexpected(source.error());
    return ChosenEngine{std::move(*source), poll_remark(options, resources)};
}

Result<ChosenEngine> timer_engine(const MonitorOptions& options) {
    const engine::PollOptions interval = poll_options(options);
    auto source = engine::PollSource::with_timers(interval);
    if (!source) return tl::unexpected(source.error());
    return ChosenEngine{
        std::move(*source),
        fmt::format("fires in the first tick of the kernel's timer after a level was reached, and "
                    "costs nothing before; children are looked for every {} to {} ms, one that "
                    "ends sooner is missed",
                    interval.min_interval.count(), interval.max_interval.count())};
}

Result<ChosenEngine> pressure_engine() {
    auto source = engine::PressureSource::create();
    if (!source) return tl::unexpected(source.error());
    return ChosenEngine{
        std::move(*source),
        "hears of a level from the kernel within 2 s, and costs nothing before; that pressure has "
        "fallen is measured, 2 s later"};
}

// Beside one that counts.
Result<ChosenEngine> refusal_engine() {
    auto source = engine::RefusalSource::create();
    if (!source) return tl::unexpected(source.error());
    return ChosenEngine{std::move(*source), "says when a cgroup is refused something"};
}

// The same for what is counted for no process.
Result<ChosenEngine> shared_poll_engine(const MonitorOptions& options, const Resources& resources) {
    auto iterator = choose_task_iterator(options.engine);
    if (!iterator) return tl::unexpected(iterator.error());
    auto source = engine::SharedPollSource::create(
        poll_options(options),
        [iterator = std::shared_ptr<kernel::TaskIterator>(std::move(*iterator))](bool users) {
            return look_at_machine(users ? iterator.get() : nullptr);
        });
    if (!source) return tl::unexpected(source.error());
    return ChosenEngine{std::move(*source), poll_remark(options, resources)};
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

// The best hooks that there are. Without any there is no source, and the remark says why.
Result<ChosenEngine> the_best(const MonitorOptions& options) {
    auto best = hook_engine(HookEngine::kernel, options);
    if (best) return best;
    std::string why = "; not engine kernel: " + best.error().message;
    const bool traced = std::any_of(options.watches.begin(), options.watches.end(),
                                    [](const auto& watch) {
                                        return watch.resource->has_tracepoints();
                                    });
    if (!traced) return ChosenEngine{nullptr, why};
    auto chosen = hook_engine(HookEngine::tracepoint, options);
    if (chosen) {
        chosen->remark += why;
        return chosen;
    }
    if (chosen.error().message != best.error().message)
        why += "; not engine tracepoint: " + chosen.error().message;
    else
        why = "; not engines kernel and tracepoint: " + best.error().message;
    return ChosenEngine{nullptr, why};
}

// The sources that work side by side, best first.
class Parts {
  public:
    void add(ChosenEngine engine, Resources resources) {
        if (parts_.empty())
            remark_ = std::move(engine.remark);
        else
            remark_ += fmt::format("; {} with engine {}, which {}", names(resources),
                                   engine.source->engine(), engine.remark);
        parts_.push_back({std::move(engine.source),
                          [resources = std::move(resources)](const Resource& resource) {
                              return resources.contains(&resource);
                          }});
    }
    void say(const std::string& remark) { remark_ += remark; }

    [[nodiscard]] Result<ChosenEngine> take() {
        if (parts_.size() == 1) return ChosenEngine{std::move(parts_[0].source), remark_};
        auto combined = engine::CombinedSource::create(std::move(parts_));
        if (!combined) return tl::unexpected(combined.error());
        return ChosenEngine{std::move(*combined), remark_};
    }

  private:
    std::vector<engine::CombinedSource::Part> parts_;
    std::string remark_;
};

// The resources watched, by what can watch them.
struct Sorted {
    Resources hooked;
    Resources timed;
    Resources pressed;        // pressure
    Resources without_hooks;  // the others of processes
    Resources shared;         // those of no process
    Resources refused;        // of these, those of which the kernel says when they are refused
};

Sorted sort_resources(const MonitorOptions& options) {
    Sorted sorted;
    for (const engine::WatchSpec& watch : options.watches) {
        const Resource* resource = watch.resource;
        if (options.engine == EngineChoice::tracepoint
                ? resource->has_tracepoints()
                : resource->has_hooks() && options.engine != EngineChoice::poll)
            sorted.hooked.insert(resource);
        else if (resource->facility == Facility::cpu_timer && options.engine != EngineChoice::poll)
            sorted.timed.insert(resource);
        else if (resource->facility == Facility::pressure && options.engine != EngineChoice::poll)
            sorted.pressed.insert(resource);
        else if (resource->scope == Scope::process)
            sorted.without_hooks.insert(resource);
        else
            sorted.shared.insert(resource);
        if (!resource->has_hooks() && resource->facility == Facility::cgroup_events &&
            options.engine != EngineChoice::poll)
            sorted.refused.insert(resource);
    }
    return sorted;
}

// What `hooks` do not see after all is left to the others.
void leave_to_others(const ChosenEngine& hooks, Sorted& sorted) {
    if (hooks.source && hooks.source->engine() == "kernel") return;
    std::erase_if(sorted.hooked, [&](const Resource* resource) {
        if (hooks.source && resource->has_tracepoints()) return false;
        (resource->scope == Scope::process ? sorted.without_hooks : sorted.shared).insert(resource);
        return true;
    });
}

// An engine that was asked for has to have hooks for everything.
Result<void> check_asked(const MonitorOptions& options, const Sorted& sorted) {
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

}  // namespace

Result<ChosenEngine> choose_engine(const MonitorOptions& options) {
    Sorted sorted = sort_resources(options);
    if (auto checked = check_asked(options, sorted); !checked)
        return tl::unexpected(checked.error());
    Parts parts;
    const auto add = [&parts](Result<ChosenEngine> engine, Resources resources) -> Result<void> {
        if (!engine) return tl::unexpected(engine.error());
        parts.add(std::move(*engine), std::move(resources));
        return {};
    };
    const bool asked = options.engine == EngineChoice::kernel ||
                       options.engine == EngineChoice::tracepoint;
    Result<void> added;
    std::string why;
    if (!sorted.hooked.empty()) {
        auto hooks = asked ? the_hooks(options.engine, options) : the_best(options);
        if (hooks) leave_to_others(*hooks, sorted);
        if (hooks && !hooks->source)
            why = hooks->remark;
        else
            added = add(std::move(hooks), sorted.hooked);
    }
    if (added && !sorted.timed.empty()) added = add(timer_engine(options), sorted.timed);
    if (added && !sorted.pressed.empty()) {
        auto pressure = pressure_engine();
        if (pressure)
            added = add(std::move(pressure), sorted.pressed);
        else
            why += "; not engine notify: " + pressure.error().message;
        if (!pressure) sorted.shared.merge(std::exchange(sorted.pressed, {}));
    }
    if (added && !sorted.without_hooks.empty())
        added = add(poll_engine(options, sorted.without_hooks), sorted.without_hooks);
    if (added && !sorted.shared.empty())
        added = add(shared_poll_engine(options, sorted.shared), sorted.shared);
    if (added && !sorted.refused.empty()) {
        if (auto refusals = refusal_engine())
            parts.add(std::move(*refusals), sorted.refused);
        else
            why += "; refusals are not seen: " + refusals.error().message;
    }
    if (!added) return tl::unexpected(added.error());
    parts.say(why);
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
