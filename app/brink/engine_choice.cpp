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
#include "engine/hook_needs.hpp"
#include "engine/hook_source.hpp"
#include "engine/poll_source.hpp"

namespace brink::app {
namespace {

using kernel::HookEngine;

std::chrono::milliseconds milliseconds(std::uint64_t ns) {
    return std::chrono::milliseconds(std::max<std::uint64_t>(1, ns / 1'000'000));
}

std::string_view name_of(HookEngine engine) {
    return engine == HookEngine::kernel ? "kernel" : "tracepoint";
}

Result<ChosenEngine> hook_engine(HookEngine engine, const MonitorOptions& options) {
    kernel::HookOptions wanted = engine::no_hooks();
    wanted.engine = engine;
    wanted.btf = options.btf;
    wanted.max_subjects = static_cast<std::uint32_t>(options.max_subjects);
    for (const engine::WatchSpec& watch : options.watches)
        if (engine::has_hooks(*watch.resource, engine))
            engine::add_needs(wanted, *watch.resource, watch.down);
    auto source = engine::HookSource::create(wanted);
    if (!source) return tl::unexpected(source.error());
    if (auto attached = (*source)->attach(); !attached) return tl::unexpected(attached.error());
    ChosenEngine chosen;
    chosen.remark = "exact";
    if ((*source)->leaves_out())
        chosen.remark +=
            ", but this kernel preempts kernel code and may leave out a hook then: counts that "
            "are off are noticed and corrected, a child may go unwatched";
    if (engine == HookEngine::tracepoint && wanted.processes)
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

// "cpu, nproc": the resources watched that `engine` has no hooks for.
std::string without_hooks(HookEngine engine, const MonitorOptions& options) {
    std::set<std::string_view> names;
    for (const engine::WatchSpec& watch : options.watches)
        if (!engine::has_hooks(*watch.resource, engine)) names.insert(watch.resource->name);
    return fmt::format("{}", fmt::join(names, ", "));
}

bool has_any_hooks(HookEngine engine, const MonitorOptions& options) {
    return std::any_of(options.watches.begin(), options.watches.end(), [&](const auto& watch) {
        return engine::has_hooks(*watch.resource, engine);
    });
}

// The hooks that were asked for, or why they cannot be had.
Result<ChosenEngine> the_hooks(HookEngine engine, const MonitorOptions& options) {
    if (const std::string polled = without_hooks(engine, options); !polled.empty())
        return fail(
            fmt::format("--engine {}: it has no hooks for {}; without --engine each resource "
                        "gets the best that there is for it",
                        name_of(engine), polled));
    auto chosen = hook_engine(engine, options);
    if (chosen) return chosen;
    return fail(fmt::format("--engine {}: {}; without --engine the best that works is used",
                            name_of(engine), chosen.error().message),
                chosen.error().code);
}

// Puts the poll engine beside `hooks`, for what they do not see.
Result<ChosenEngine> combine(ChosenEngine hooks, HookEngine engine, const MonitorOptions& options) {
    auto poll = poll_engine(options);
    if (!poll) return poll;
    auto both = engine::CombinedSource::create(std::move(hooks.source), std::move(poll->source));
    if (!both) return tl::unexpected(both.error());
    ChosenEngine chosen;
    chosen.remark = fmt::format("{}; {} with engine poll, which {}", hooks.remark,
                                without_hooks(engine, options), poll->remark);
    chosen.source = std::move(*both);
    return chosen;
}

// Hooks of `engine` for what it sees, and the poll engine beside them for the rest.
Result<ChosenEngine> hooks_and_poll(HookEngine engine, const MonitorOptions& options) {
    auto hooks = hook_engine(engine, options);
    if (!hooks || without_hooks(engine, options).empty()) return hooks;
    return combine(std::move(*hooks), engine, options);
}

// The best that there is; the poll engine, if there are no hooks.
Result<ChosenEngine> the_best(const MonitorOptions& options) {
    auto best = hooks_and_poll(HookEngine::kernel, options);
    if (best) return best;
    std::string why = "; not engine kernel: " + best.error().message;
    Result<ChosenEngine> chosen = fail("");
    const std::string untraced = without_hooks(HookEngine::tracepoint, options);
    if (has_any_hooks(HookEngine::tracepoint, options)) {
        chosen = hooks_and_poll(HookEngine::tracepoint, options);
        if (!chosen && chosen.error().message != best.error().message)
            why += "; not engine tracepoint: " + chosen.error().message;
        else if (!chosen)
            why = "; not engines kernel and tracepoint: " + best.error().message;
    } else {
        why += "; engine tracepoint has no hooks for " + untraced;
    }
    if (!chosen) chosen = poll_engine(options);
    if (chosen) chosen->remark += why;
    return chosen;
}

}  // namespace

Result<ChosenEngine> choose_engine(const MonitorOptions& options) {
    switch (options.engine) {
        case EngineChoice::kernel: return the_hooks(HookEngine::kernel, options);
        case EngineChoice::tracepoint: return the_hooks(HookEngine::tracepoint, options);
        case EngineChoice::poll: return poll_engine(options);
        default: break;
    }
    if (has_any_hooks(HookEngine::kernel, options)) return the_best(options);
    auto chosen = poll_engine(options);
    if (chosen)
        chosen->remark += "; there are no hooks for " + without_hooks(HookEngine::kernel, options);
    return chosen;
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
