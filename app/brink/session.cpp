// SPDX-License-Identifier: Apache-2.0
#include "session.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "action/evidence.hpp"
#include "action/signal.hpp"
#include "base/units.hpp"
#include "bpf/levels.h"
#include "daemon_choice.hpp"
#include "engine_choice.hpp"
#include "kernel/procfs.hpp"
#include "resource/table.hpp"
#include "sink/json.hpp"

namespace brink::app {
namespace {

using action::ActionOutcome;
using engine::ActionKind;

// Whether `level` cannot be reached under `limit`.
bool is_dormant(const engine::Level& level, std::uint64_t limit) {
    const std::uint64_t at = brink_level_at(static_cast<brink_u32>(level.form), level.value, limit);
    return at >= BRINK_NEVER || at > limit;
}

std::string found_text(std::size_t found, std::size_t forbidden) {
    std::string text = found == 0   ? "no process matches yet"
                       : found == 1 ? "1 process matches now"
                                    : fmt::format("{} processes match now", found);
    if (forbidden > 0)
        text += fmt::format("; {} more that match belong to other users and are not watched: that "
                            "needs CAP_SYS_RESOURCE, or CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH",
                            forbidden);
    return text;
}

// The sooner of two time-outs in milliseconds, where -1 is never.
int sooner(int a, int b) {
    if (a < 0) return b;
    return b < 0 ? a : std::min(a, b);
}

}  // namespace

Result<std::unique_ptr<Session>> Session::create(const MonitorOptions& options, int default_fd,
                                                 action::OriginalState original) {
    auto output = Output::open(options, default_fd);
    if (!output) return tl::unexpected(output.error());
    std::unique_ptr<Session> session(new Session(std::move(*output)));
    auto commands = action::ExecRunner::create(std::move(original));
    if (!commands) return tl::unexpected(commands.error());
    session->commands_ = std::move(*commands);
    auto by_daemon = engine_of_daemon(options);
    auto chosen = by_daemon ? Result<ChosenEngine>(std::move(*by_daemon)) : choose_engine(options);
    if (!chosen) return tl::unexpected(chosen.error());
    session->by_daemon_ = chosen->by_daemon;
    session->remark_ = std::move(chosen->remark);
    auto monitor = engine::Monitor::create(std::move(chosen->source), options.watches,
                                           options.actions);
    if (!monitor) return tl::unexpected(monitor.error());
    session->monitor_ = std::move(*monitor);
    return session;
}

std::string Session::description(const std::string& subject) const {
    std::vector<std::string> watches;
    for (const engine::WatchSpec& watch : monitor_->watches()) watches.push_back(watch.text);
    return fmt::format("watching {} of {} with engine {} ({})", fmt::join(watches, " "), subject,
                       monitor_->source().engine(), remark_);
}

void Session::say_dormant(pid_t pid) const {
    const kernel::Procfs procfs;
    const kernel::ProcessFiles process(procfs, pid);
    for (const engine::WatchSpec& watch : monitor_->watches()) {
        const auto read = resource::definition_of(*watch.resource).read_process;
        const auto reading = read ? read(process) : resource::Reading{};
        if (!reading) continue;
        const std::uint64_t limit = reading->limit;
        const std::string now = limit == resource::kUnlimited
                                    ? "unlimited"
                                    : format_quantity(limit, watch.resource->unit);
        for (const engine::Level& level : watch.levels) {
            if (!is_dormant(level, limit)) continue;
            notice(
                fmt::format("level {} of {} is dormant: the limit is {}; it wakes when a changed "
                            "limit allows it",
                            level.text, watch.resource->name, now));
        }
    }
}

void Session::say_selected() const {
    bool said = false;
    for (std::uint32_t i = 0; i < monitor_->watches().size(); ++i) {
        const engine::WatchSpec& watch = monitor_->watches()[i];
        if (watch.resource->scope != Scope::process) continue;
        const auto selected = monitor_->source().selected(i);
        const std::size_t n = selected.limits.size();
        if (!std::exchange(said, true))
            notice(watch.resource->facility == Facility::wakeups
                       ? "threads that match are watched from their next wake-up on"
                       : found_text(n, selected.forbidden));
        for (const engine::Level& level : watch.levels) {
            const auto dormant = std::ranges::count_if(selected.limits, [&](std::uint64_t limit) {
                return is_dormant(level, limit);
            });
            if (dormant == 0) continue;
            notice(fmt::format("level {} of {} is dormant for {} of {} under the limits that they "
                               "have; it wakes when a changed limit allows it",
                               level.text, watch.resource->name, dormant, n));
        }
    }
}

std::vector<bool> Session::wait(const std::vector<int>& extra, int timeout_ms) {
    std::vector<pollfd> fds{{monitor_->source().fd(), POLLIN, 0}, {commands_->fd(), POLLIN, 0}};
    for (const int fd : extra) fds.push_back({fd, POLLIN, 0});
    timeout_ms = sooner(timeout_ms, monitor_->source().timeout_ms());
    timeout_ms = sooner(timeout_ms, commands_->timeout_ms());
    output_.send();
    ::poll(fds.data(), fds.size(), timeout_ms);
    read_records();
    commands_->on_readable();
    std::vector<bool> ready;
    for (std::size_t i = 2; i < fds.size(); ++i) ready.push_back(fds[i].revents != 0);
    return ready;
}

void Session::read_records() {
    const auto on_event = [this](const Event& event, const engine::Context& context) {
        output_.write(event);
        if (listener_) listener_(event, context);
        for (const engine::ActionSpec* sent : context.done)
            report(event, *sent, {"sent", "by the hook, before the operation returned", {}});
        for (const engine::ActionSpec* action : context.actions) act(event, *action, context);
    };
    monitor_->read(on_event);
    for (const std::string& remark : monitor_->source().take_remarks()) notice(remark);
    const std::string failure = monitor_->source().failure();
    if (!failure.empty() && !std::exchange(source_failed_, true)) notice(failure);
    const std::uint64_t unwatched = monitor_->source().unwatched();
    if (unwatched > std::exchange(unwatched_, unwatched))
        notice(fmt::format("processes left unwatched so far: {}; the tables are full, "
                           "--max-subjects makes them larger",
                           unwatched));
}

void Session::act(const Event& event, const engine::ActionSpec& action,
                  const engine::Context& context) {
    switch (action.kind) {
        case ActionKind::signal: send_signal(event, action); break;
        case ActionKind::exec:
            commands_->run(action.command, event, sink::to_json(event),
                           [this, event, action](ActionOutcome outcome) {
                               report(event, action, std::move(outcome));
                           });
            break;
        case ActionKind::evidence: {
            output_.send();  // what comes now takes its time
            action::EvidenceRequest request;
            request.resource = find_resource(event.resource);
            request.pid = event.pid.value_or(0);
            request.uid = event.uid.value_or(0);
            request.cgroup = event.cgroup;
            request.start_time = event.start_time.value_or(0);
            request.stack = context.stack;
            request.stack_pid = context.stack_pid;
            request.usage = event.usage;
            report(event, action, action::collect_evidence(kernel::Procfs{}, request));
            break;
        }
        case ActionKind::restart:
            if (restart_) restart_(event, action);
            break;
        case ActionKind::fail:
            failed_ = true;
            report(event, action, {"done", "brink will end with status 1", {}});
            break;
        case ActionKind::log:
        case ActionKind::webhook:
        case ActionKind::raise: break;  // of rules only (Actor::rule)
    }
}

// Where the hook could not send it: it stood above the level already, or somebody else acted.
void Session::send_signal(const Event& event, const engine::ActionSpec& action) {
    const pid_t pid = event.pid.value_or(0);
    if (event.scope == "thread") {
        const auto status = kernel::Procfs{}.status(pid);
        const bool sent = status && ::syscall(SYS_tgkill, status->tgid, pid, action.signal) == 0;
        report(event, action,
               sent ? ActionOutcome{"sent", "by brink", {}}
                    : action::failed("the thread has ended"));
        return;
    }
    Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    const auto stat = kernel::Procfs{}.stat(pid);
    if (!stat || stat->start_time != event.start_time) process.reset();
    report(event, action, action::send_signal(process.get(), pid, action.signal));
}

void Session::report(const Event& cause, const engine::ActionSpec& action, ActionOutcome outcome) {
    Event event = monitor_->action_event(cause, action);
    event.result = std::move(outcome.result);
    event.detail = std::move(outcome.detail);
    event.evidence = std::move(outcome.evidence);
    output_.write(event);
}

void Session::finish(int stop_signals) {
    monitor_->source().catch_up();
    read_records();
    while (!commands_->idle()) {
        const std::vector<bool> ready = wait({stop_signals}, -1);
        signalfd_siginfo info{};
        while (ready[0] && ::read(stop_signals, &info, sizeof info) == sizeof info)
            if (info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM || info.ssi_signo == SIGHUP)
                commands_->end_all();
    }
    output_.finish();
}

}  // namespace brink::app
