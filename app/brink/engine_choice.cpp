// SPDX-License-Identifier: Apache-2.0
#include "engine_choice.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string_view>
#include <utility>

#include "engine/combined_source.hpp"
#include "engine/hook_source.hpp"
#include "engine/poll_source.hpp"

namespace brink::app {
namespace {

using kernel::HookEngine;

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

Result<ChosenEngine> poll_engine(const MonitorOptions& options) {
    engine::PollOptions wanted;
    wanted.min_interval = milliseconds(options.poll_shortest_ns);
    wanted.max_interval = milliseconds(options.poll_longest_ns);
    auto source = engine::PollSource::create(wanted);
    if (!source) return tl::unexpected(source.error());
    ChosenEngine chosen;
    chosen.remark =
        fmt::format("looks every {} to {} ms: what happens between two looks is missed, "
                    "and refusals are not seen",
                    wanted.min_interval.count(), wanted.max_interval.count());
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

// The best that there is; the poll engine, if there are no hooks.
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
        chosen = poll_engine(options);
    }
    if (chosen) chosen->remark += why;
    return chosen;
}

// "as, rss": the resources watched that have no hooks.
std::string without_hooks(const MonitorOptions& options) {
    std::set<std::string_view> names;
    for (const engine::WatchSpec& watch : options.watches)
        if (!watch.resource->has_hooks()) names.insert(watch.resource->name);
    return fmt::format("{}", fmt::join(names, ", "));
}

// Puts the poll engine beside `hooks`, for what they do not see.
Result<ChosenEngine> combine(ChosenEngine hooks, const MonitorOptions& options) {
    auto poll = poll_engine(options);
    if (!poll) return poll;
    auto both = engine::CombinedSource::create(std::move(hooks.source), std::move(poll->source));
    if (!both) return tl::unexpected(both.error());
    ChosenEngine chosen;
    chosen.remark = fmt::format("{}; {} with engine poll, which {}", hooks.remark,
                                without_hooks(options), poll->remark);
    chosen.source = std::move(*both);
    return chosen;
}

}  // namespace

Result<ChosenEngine> choose_engine(const MonitorOptions& options) {
    const std::string polled = without_hooks(options);
    const bool any_hooked = std::any_of(options.watches.begin(), options.watches.end(),
                                        [](const auto& watch) {
                                            return watch.resource->has_hooks();
                                        });
    const bool asked = options.engine == EngineChoice::kernel ||
                       options.engine == EngineChoice::tracepoint;
    if (asked && !polled.empty())
        return fail(
            fmt::format("--engine {}: it has no hooks for {}; without --engine each resource "
                        "gets the best that there is for it",
                        options.engine == EngineChoice::kernel ? "kernel" : "tracepoint", polled));
    if (options.engine == EngineChoice::poll || !any_hooked) {
        auto chosen = poll_engine(options);
        if (chosen && !any_hooked) chosen->remark += "; there are no hooks for " + polled;
        return chosen;
    }
    auto hooks = asked ? the_hooks(options.engine, options) : the_best(options);
    if (!hooks || polled.empty() || hooks->source->engine() == "poll") return hooks;
    return combine(std::move(*hooks), options);
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

void raise_own_limits() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace brink::app
