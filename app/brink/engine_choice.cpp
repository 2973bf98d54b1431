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
#include "engine/hook_source.hpp"
#include "engine/poll_source.hpp"
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

bool reads_memory(Hooked hooked) {
    switch (hooked) {
        case Hooked::address_space:
        case Hooked::data:
        case Hooked::stack:
        case Hooked::locked_memory:
        case Hooked::mappings: return true;
        default: return false;
    }
}

Result<ChosenEngine> hook_engine(HookEngine engine, const MonitorOptions& options) {
    kernel::HookOptions wanted;
    wanted.engine = engine;
    wanted.btf = options.btf;
    wanted.max_subjects = static_cast<std::uint32_t>(options.max_subjects);
    wanted.descriptors = wanted.closes = wanted.memory = wanted.resident = wanted.owners = false;
    for (const engine::WatchSpec& watch : options.watches) {
        const Hooked hooked = watch.resource->hooked;
        if (hooked == Hooked::descriptors) wanted.descriptors = true;
        if (hooked == Hooked::descriptors && watch.down) wanted.closes = true;
        if (reads_memory(hooked)) wanted.memory = true;
        if (hooked == Hooked::resident_memory) wanted.resident = true;
    }
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

// The best hooks that there are; without any the poll engine.
Result<ChosenEngine> the_best(const MonitorOptions& options) {
    auto best = hook_engine(HookEngine::kernel, options);
    if (best) return best;
    std::string why = "; not engine kernel: " + best.error().message;
    auto chosen = hook_engine(HookEngine::tracepoint, options);
    if (!chosen) {
        if (chosen.error().message != best.error().message)
            why += "; not engine tracepoint: " + chosen.error().message;
        else
            why = "; not engines kernel and tracepoint: " + best.error().message;
        chosen = poll_engine(options, {});
    }
    if (chosen) chosen->remark += why;
    return chosen;
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
    Resources without_hooks;  // the others of processes
    Resources shared;         // those of no process
};

Sorted sort_resources(const MonitorOptions& options) {
    Sorted sorted;
    for (const engine::WatchSpec& watch : options.watches) {
        const Resource* resource = watch.resource;
        if (resource->has_hooks() && options.engine != EngineChoice::poll)
            sorted.hooked.insert(resource);
        else if (resource->facility == Facility::cpu_timer && options.engine != EngineChoice::poll)
            sorted.timed.insert(resource);
        else if (resource->scope == Scope::process)
            sorted.without_hooks.insert(resource);
        else
            sorted.shared.insert(resource);
    }
    return sorted;
}

// An engine that was asked for has to have hooks for everything.
Result<void> check_asked(const MonitorOptions& options, const Sorted& sorted) {
    if (options.engine != EngineChoice::kernel && options.engine != EngineChoice::tracepoint)
        return {};
    Resources missing = sorted.without_hooks;
    missing.insert(sorted.timed.begin(), sorted.timed.end());
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
    if (!sorted.hooked.empty()) {
        auto hooks = asked ? the_hooks(options.engine, options) : the_best(options);
        if (hooks && hooks->source->engine() == "poll")
            sorted.hooked.merge(std::exchange(sorted.without_hooks, {}));
        added = add(std::move(hooks), sorted.hooked);
    }
    if (added && !sorted.timed.empty()) added = add(timer_engine(options), sorted.timed);
    if (added && !sorted.without_hooks.empty())
        added = add(poll_engine(options, sorted.without_hooks), sorted.without_hooks);
    if (added && !sorted.shared.empty())
        added = add(shared_poll_engine(options, sorted.shared), sorted.shared);
    if (!added) return tl::unexpected(added.error());
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
