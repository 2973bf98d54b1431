// SPDX-License-Identifier: Apache-2.0
// What requests do: watches are set and removed, within the quotas of the user.
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "base/utf8.hpp"
#include "broker/event_record.hpp"
#include "broker/message.hpp"
#include "broker/server.hpp"
#include "engine/watch_spec.hpp"

namespace brink::broker {
namespace {

std::string_view spec_of(const brink_request& request) {
    return {request.spec, ::strnlen(request.spec, sizeof request.spec)};
}

Result<engine::WatchSpec> parse_spec(const brink_request& request) {
    auto spec = engine::parse_watch(spec_of(request));
    if (!spec) return fail(spec.error().message, EINVAL);
    if (spec->resource->scope != Scope::process || !spec->resource->watchable())
        return fail(fmt::format("{} cannot be watched on a process", spec->resource->name),
                    EOPNOTSUPP);
    if (spec->resource->facility == Facility::wakeups)
        return fail(fmt::format("{} is not watched by the daemon; run brink watch as root",
                                spec->resource->name),
                    EOPNOTSUPP);
    return spec;
}

// Checked after the pid was used: then it was that process's all the time.
bool has_ended(const Fd& pidfd) {
    return ::syscall(SYS_pidfd_send_signal, pidfd.get(), 0, nullptr, 0) != 0 && errno == ESRCH;
}

// The one that the request names by index; the last one may be for replies.
Result<const Fd*> pidfd_of(const PendingRequest& pending) {
    const auto& descriptors = *pending.descriptors;
    const std::size_t count = descriptors.size() -
                              (pending.request.flags & BRINK_REQUEST_REPLY_FD &&
                               !descriptors.empty());
    const std::int32_t index = pending.request.pid;
    if (index < 0 || static_cast<std::size_t>(index) >= count)
        return fail(fmt::format("there is no descriptor {} with the message", index), EBADF);
    return &descriptors[static_cast<std::size_t>(index)];
}

}  // namespace

void Server::answer(Client& client) {
    PendingRequest pending = std::move(client.inbox.front());
    client.inbox.pop_front();
    client.reply(pending, carry_out(client, pending));
    if (pending.descriptors.use_count() == 1) dispose(std::move(*pending.descriptors));
}

brink_event Server::carry_out(Client& client, const PendingRequest& pending) {
    const brink_request& request = pending.request;
    Result<brink_event> answer = check(request).and_then([&]() -> Result<brink_event> {
        switch (request.op) {
            case BRINK_REQUEST_ADD: return add(client, pending);
            case BRINK_REQUEST_REMOVE: return remove(client, request);
            default: return describe(client, request);
        }
    });
    if (answer) return *answer;
    return answer_to(request, answer.error().code ? answer.error().code : EIO,
                     answer.error().message);
}

Result<brink_event> Server::add(Client& client, const PendingRequest& pending) {
    const brink_request& request = pending.request;
    auto spec = parse_spec(request);
    if (!spec) return tl::unexpected(spec.error());
    if (auto taken = users_.take_watch(client.user(), spec->levels.size()); !taken)
        return tl::unexpected(taken.error());
    brink_watch wire = engine::wire_watch(*spec);
    wire.owner = static_cast<brink_u16>(client.owner());
    wire.account = static_cast<brink_u16>(client.user().account);
    const auto slot = source_->add_watch(*spec->resource, wire);
    if (!slot) {
        Users::give_watch(client.user(), spec->levels.size());
        return tl::unexpected(slot.error());
    }
    ClientWatch watch;
    watch.slot = *slot;
    watch.cookie = request.cookie;
    watch.spec = spec->text;
    watch.engine = spec->resource->has_hooks() ? engine_number(source_->engine())
                   : spec->resource->facility == Facility::cpu_timer ? std::uint8_t{BRINK_TIMER}
                                                                     : std::uint8_t{BRINK_POLL};
    for (engine::Level& level : spec->levels) watch.levels.push_back(std::move(level.text));
    const std::uint32_t number = ++client.last_watch;
    const ClientWatch& kept = client.watches.emplace(number, std::move(watch)).first->second;
    if (slots_.size() <= *slot) slots_.resize(*slot + 1);
    slots_[*slot] = {&client, number, &kept};
    brink_request named = request;
    named.watch = number;
    if (auto bound = bind(client, pending, *slot); !bound) {
        (void)remove(client, named);
        return tl::unexpected(bound.error());
    }
    brink_event answer = answer_to(named, 0);
    answer.engine = kept.engine;
    return answer;
}

Result<void> Server::bind(Client& client, const PendingRequest& pending, std::uint32_t slot) {
    const brink_request& request = pending.request;
    engine::Target target;
    target.pid = request.pid;
    target.thread = request.flags & BRINK_REQUEST_THREAD;
    target.at_exec = request.flags & BRINK_REQUEST_AT_EXEC;
    if (!(request.flags & BRINK_REQUEST_PIDFD)) {
        if (!client.peer().shares_pids())
            return fail("you live in another pid namespace; send a pidfd", EXDEV);
        return source_->bind(slot, target);
    }
    const auto pidfd = pidfd_of(pending);
    if (!pidfd) return tl::unexpected(pidfd.error());
    const auto pid = process_of(**pidfd);
    if (!pid) return tl::unexpected(pid.error());
    target.pid = *pid;
    auto bound = source_->bind(slot, target);
    if (bound && has_ended(**pidfd)) return fail("the process of the pidfd has ended", ESRCH);
    return bound;
}

Result<brink_event> Server::remove(Client& client, const brink_request& request) {
    const auto found = client.watches.find(request.watch);
    if (found == client.watches.end())
        return fail(fmt::format("you have no watch {}", request.watch), ENOENT);
    const ClientWatch& watch = found->second;
    const std::uint32_t slot[] = {watch.slot};
    source_->remove_watches(slot);
    slots_[watch.slot] = {};
    Users::give_watch(client.user(), watch.levels.size());
    client.watches.erase(found);
    return answer_to(request, 0);
}

Result<brink_event> Server::describe(Client& client, const brink_request& request) const {
    std::string_view text = "brinkd";
    std::uint8_t engine = engine_number(source_->engine());
    if (request.watch) {
        const auto found = client.watches.find(request.watch);
        if (found == client.watches.end())
            return fail(fmt::format("you have no watch {}", request.watch), ENOENT);
        text = found->second.spec;
        engine = found->second.engine;
    }
    brink_event answer = answer_to(request, 0,
                                   text.substr(std::min<std::size_t>(request.offset, text.size())));
    answer.engine = engine;
    answer.count = text.size();
    return answer;
}

}  // namespace brink::broker
