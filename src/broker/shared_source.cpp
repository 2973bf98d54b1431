// SPDX-License-Identifier: Apache-2.0
#include "broker/shared_source.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "base/utf8.hpp"
#include "engine/combined_source.hpp"
#include "engine/hook_source.hpp"
#include "engine/poll_source.hpp"

namespace brink::broker {
namespace {

// Whatever may be watched of processes later: all programs are loaded, and attached with the first watch.
Result<std::unique_ptr<engine::RecordSource>> hooks(kernel::HookEngine engine,
                                                    const SourceOptions& options) {
    kernel::HookOptions wanted;
    wanted.engine = engine;
    wanted.max_subjects = options.max_subjects;
    wanted.max_watches = options.max_watches;
    wanted.max_owners = options.max_clients;
    wanted.shared = 0;
    auto source = engine::HookSource::create(wanted);
    if (!source) return tl::unexpected(source.error());
    return std::move(*source);
}

}  // namespace

Result<SharedSource> open_shared_source(const SourceOptions& options) {
    auto poll = engine::PollSource::create();
    if (!poll) return tl::unexpected(poll.error());
    SharedSource shared;
    std::vector<engine::CombinedSource::Part> parts;
    const bool tracepoint = options.engine == EngineWish::tracepoint;
    if (options.engine != EngineWish::poll) {
        auto hooked = hooks(tracepoint ? kernel::HookEngine::tracepoint
                                       : kernel::HookEngine::kernel,
                            options);
        if (hooked)
            parts.push_back({std::move(*hooked), [](const Resource& r) { return r.has_hooks(); }});
        else if (options.engine == EngineWish::automatic)
            shared.remark = "not engine kernel: " + hooked.error().message;
        else
            return fail(fmt::format("engine {}: {}", tracepoint ? "tracepoint" : "kernel",
                                    hooked.error().message),
                        hooked.error().code);
    }
    // What polls looks around in /proc when it is read: not while a record of the hooks waits to go out.
    const bool has_hooks = !parts.empty();
    const auto is_timed = [](const Resource& r) { return r.facility == Facility::cpu_timer; };
    auto timers = engine::PollSource::with_timers();
    if (!timers) return tl::unexpected(timers.error());
    parts.push_back(
        {std::move(*poll),
         [=](const Resource& r) { return !(has_hooks && r.has_hooks()) && !is_timed(r); }, true});
    parts.push_back({std::move(*timers), is_timed, true});
    auto combined = engine::CombinedSource::create(std::move(parts));
    if (!combined) return tl::unexpected(combined.error());
    shared.source = std::move(*combined);
    return shared;
}

Result<EngineWish> parse_engine_wish(const std::string& name) {
    if (name == "auto") return EngineWish::automatic;
    if (name == "kernel") return EngineWish::kernel;
    if (name == "tracepoint") return EngineWish::tracepoint;
    if (name == "poll") return EngineWish::poll;
    return fail(fmt::format("there is no engine {}; there are: auto, kernel, tracepoint, poll",
                            in_quotes(name)),
                EINVAL);
}

}  // namespace brink::broker
