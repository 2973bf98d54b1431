// SPDX-License-Identifier: Apache-2.0
#include "broker/shared_source.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "base/utf8.hpp"
#include "engine/combined_source.hpp"
#include "engine/hook_source.hpp"
#include "engine/poll_source.hpp"

namespace brink::broker {
namespace {

// Whatever may be watched later: all programs are loaded, and attached with the first watch.
Result<std::unique_ptr<engine::RecordSource>> hooks(kernel::HookEngine engine,
                                                    const SourceOptions& options) {
    kernel::HookOptions wanted;
    wanted.engine = engine;
    wanted.max_subjects = options.max_subjects;
    wanted.max_watches = options.max_watches;
    wanted.max_owners = options.max_clients;
    auto source = engine::HookSource::create(wanted);
    if (!source) return tl::unexpected(source.error());
    return std::move(*source);
}

}  // namespace

Result<SharedSource> open_shared_source(const SourceOptions& options) {
    auto poll = engine::PollSource::create();
    if (!poll) return tl::unexpected(poll.error());
    SharedSource shared;
    if (options.engine == EngineWish::poll) {
        shared.source = std::move(*poll);
        return shared;
    }
    const bool tracepoint = options.engine == EngineWish::tracepoint;
    auto hooked = hooks(tracepoint ? kernel::HookEngine::tracepoint : kernel::HookEngine::kernel,
                        options);
    if (!hooked && options.engine == EngineWish::automatic) {
        shared.source = std::move(*poll);
        shared.remark = "not engine kernel: " + hooked.error().message;
        return shared;
    }
    if (!hooked)
        return fail(fmt::format("engine {}: {}", tracepoint ? "tracepoint" : "kernel",
                                hooked.error().message),
                    hooked.error().code);
    auto both = engine::CombinedSource::create(std::move(*hooked), std::move(*poll));
    if (!both) return tl::unexpected(both.error());
    shared.source = std::move(*both);
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
