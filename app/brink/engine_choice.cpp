// SPDX-License-Identifier: Apache-2.0
#include "engine_choice.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/hook_source.hpp"
#include "engine/poll_source.hpp"

namespace brink::app {
namespace {

using kernel::HookEngine;

std::chrono::milliseconds milliseconds(std::uint64_t ns) {
    return std::chrono::milliseconds(std::max<std::uint64_t>(1, ns / 1'000'000));
}

Result<ChosenEngine> hook_engine(HookEngine engine, const MonitorOptions& options) {
    kernel::HookOptions wanted;
    wanted.engine = engine;
    wanted.btf = options.btf;
    wanted.max_subjects = static_cast<std::uint32_t>(options.max_subjects);
    wanted.closes = std::any_of(options.watches.begin(), options.watches.end(),
                                [](const engine::WatchSpec& watch) { return watch.down; });
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
    if (const std::string reason = (*source)->no_refusals(); !reason.empty())
        chosen.remark += "; refusals (EMFILE) are not seen: " + reason;
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
                    "and refusals (EMFILE) are not seen",
                    wanted.min_interval.count(), wanted.max_interval.count());
    chosen.source = std::move(*source);
    return chosen;
}

// The engine that was asked for, or why it cannot be had.
Result<ChosenEngine> the_engine(EngineChoice choice, const MonitorOptions& options) {
    const bool kernel = choice == EngineChoice::kernel;
    auto chosen = choice == EngineChoice::poll
                      ? poll_engine(options)
                      : hook_engine(kernel ? HookEngine::kernel : HookEngine::tracepoint, options);
    if (chosen) return chosen;
    const char* name = kernel ? "kernel" : choice == EngineChoice::poll ? "poll" : "tracepoint";
    return fail(fmt::format("--engine {}: {}; without --engine the best that works is used", name,
                            chosen.error().message),
                chosen.error().code);
}

}  // namespace

Result<ChosenEngine> choose_engine(const MonitorOptions& options) {
    if (options.engine != EngineChoice::automatic) return the_engine(options.engine, options);
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

void raise_own_limits() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace brink::app
