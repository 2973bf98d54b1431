// SPDX-License-Identifier: Apache-2.0
#include "broker/daemon_source.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "broker/ask.hpp"
#include "broker/event_record.hpp"
#include "broker/socket.hpp"

namespace brink::broker {
namespace {

std::string level_text(const Resource& resource, const brink_level& level) {
    if (level.form == BRINK_LEVEL_PERCENT)
        return fmt::format("{}.{:03}%", level.value / 1000, level.value % 1000);
    const std::string_view sign = level.form == BRINK_LEVEL_BELOW ? "-" : "";
    // Times are typed in microseconds and larger.
    return resource.unit == Unit::time_ns ? fmt::format("{}{}us", sign, level.value / 1000)
                                          : fmt::format("{}{}", sign, level.value);
}

}  // namespace

std::string spec_text(const Resource& resource, const brink_watch& watch) {
    std::string text(resource.name);
    for (std::uint32_t i = 0; i < watch.n_levels; ++i)
        text += (i ? "," : "=") + level_text(resource, watch.levels[i]);
    if (!(watch.flags & BRINK_WATCH_DOWN)) text += ":up";
    if (!(watch.flags & BRINK_WATCH_UP)) text += ":down";
    if (watch.flags & BRINK_WATCH_REARM) text += ":rearm=" + level_text(resource, watch.rearm);
    if (!(watch.flags & BRINK_WATCH_INHERIT)) text += ":no-inherit";
    return text;
}

Result<std::unique_ptr<DaemonSource>> DaemonSource::connect(const std::string& path) {
    auto socket = connect_to(path);
    if (!socket) return tl::unexpected(socket.error());
    std::unique_ptr<DaemonSource> source(new DaemonSource(std::move(*socket)));
    const auto reply = ask(source->fd(), new_request(BRINK_REQUEST_DESCRIBE));
    if (!reply) return tl::unexpected(reply.error());
    source->engine_ = engine_name(reply->engine);
    return source;
}

Result<std::uint32_t> DaemonSource::add_watch(const Resource& resource, const brink_watch& watch) {
    brink_request probe{};
    specs_.push_back(spec_text(resource, watch));
    if (auto fits = set_spec(probe, specs_.back()); !fits) return tl::unexpected(fits.error());
    return static_cast<std::uint32_t>(specs_.size() - 1);
}

Result<void> DaemonSource::bind(std::uint32_t watch, const engine::Target& target) {
    brink_request request = new_request(BRINK_REQUEST_ADD);
    if (target.thread) request.flags |= BRINK_REQUEST_THREAD;
    if (target.at_exec) request.flags |= BRINK_REQUEST_AT_EXEC;
    request.pid = target.pid;
    if (auto set = set_spec(request, specs_.at(watch)); !set) return set;
    const auto reply = ask(fd(), request);
    if (!reply) return fail("brinkd: " + reply.error().message, reply.error().code);
    bound_[reply->watch] = watch;
    return {};
}

void DaemonSource::read(const Reader& reader) {
    while (socket_) {
        brink_event event{};
        const ssize_t got = ::recv(fd(), &event, sizeof event, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got != sizeof event) {
            socket_.reset();
            return;
        }
        if (event.type == BRINK_EVENT_LOST) {
            brink_record lost{};
            lost.type = BRINK_RECORD_LOST;
            lost.usage = event.count;
            dropped_ += event.count;
            reader(lost, nullptr);
            continue;
        }
        const auto watch = bound_.find(event.watch);
        auto record = record_of(event);
        if (!record || watch == bound_.end()) continue;
        record->watch = watch->second;
        reader(*record, nullptr);
    }
}

// brinkd sends what it has before it answers.
void DaemonSource::catch_up() {
    if (socket_) (void)ask(fd(), new_request(BRINK_REQUEST_DESCRIBE));
}

std::string DaemonSource::failure() const {
    return socket_ ? "" : "brinkd has ended: nothing is watched any more";
}

}  // namespace brink::broker
