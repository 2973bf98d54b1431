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
    ChosenEngine chosen;
    chosen.remark = "exact";
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
    chosen.remark = fmt::format("looks every {} to {} ms: what happens between two looks is missed, "
                                "and refusals (EMFILE) are not seen",
                                wanted.min_interval.count(), wanted.max_interval.count());
    chosen.source = std::move(*source);
    return chosen;
}

}  // namespace

Result<ChosenEngine> choose_engine(const MonitorOptions& options) {
    switch (options.engine) {
        case EngineChoice::kernel: return hook_engine(HookEngine::kernel, options);
        case EngineChoice::tracepoint: return hook_engine(HookEngine::tracepoint, options);
        case EngineChoice::poll: return poll_engine(options);
        case EngineChoice::automatic: break;
    }
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
