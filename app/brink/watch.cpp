// SPDX-License-Identifier: Apache-2.0
// brink watch: watches what runs already: a process or thread until it ends, or all that a selection means, until brink
// is interrupted.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/own_limits.hpp"
#include "commands.hpp"
#include "engine_choice.hpp"
#include "kernel/procfs.hpp"
#include "session.hpp"
#include "stop_signals.hpp"

namespace brink::app {
namespace {

constexpr int kFailure = 1;

// "process 12 (leaky)", or why it cannot be watched.
Result<std::string> find_subject(const WatchOptions& options) {
    const kernel::Procfs procfs;
    const auto stat = procfs.stat(options.pid);
    const char* what = options.thread ? "thread" : "process";
    if (!stat)
        return fail(fmt::format("there is no {} {}; ps -eLf lists what there is", what,
                                options.pid),
                    ESRCH);
    const auto status = procfs.status(options.pid);
    if (!options.thread && status && status->tgid != options.pid)
        return fail(fmt::format("{} is a thread of process {}; use --pid {} or --tid {}",
                                options.pid, status->tgid, status->tgid, options.pid),
                    EINVAL);
    return fmt::format("{} {} ({})", what, options.pid, stat->comm);
}

Result<void> set_watches(const WatchOptions& options, Session& session) {
    engine::Monitor& monitor = session.monitor();
    if (options.selection) return monitor.select(*options.selection);
    if (!session.by_daemon())
        if (auto allowed = kernel::Procfs{}.may_watch(options.pid); !allowed) return allowed;
    engine::Target target;
    target.pid = options.pid;
    target.thread = options.thread;
    return monitor.bind(target);
}

// SIGHUP: hold the counts against the kernel's own. Whether another signal asked for the end.
bool asked_to_stop(int signals, Session& session) {
    signalfd_siginfo info{};
    bool stop = false;
    while (::read(signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo != SIGHUP) {
            stop = true;
        } else if (const auto differing = session.monitor().source().check_all()) {
            notice(*differing
                       ? fmt::format("{} counts differed from the kernel's and were corrected",
                                     *differing)
                       : "every count agrees with the kernel's");
        }
    }
    return stop;
}

}  // namespace

int watch_command(const WatchOptions& options) {
    const Fd signals(stop_signals());
    action::OriginalState original;
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    original.limits.emplace_back(RLIMIT_NOFILE, limit);
    raise_own_limits();

    const auto subject = options.selection ? options.selection->description()
                                           : find_subject(options);
    if (!subject) {
        notice(subject.error().message);
        return kFailure;
    }
    auto created = Session::create(options, STDOUT_FILENO, std::move(original));
    if (!created) {
        notice(created.error().message);
        return kFailure;
    }
    Session& session = **created;
    if (options.pid) session.output().never_fold(options.pid);
    bool ended = false;
    session.on_event([&](const Event& event, const engine::Context& context) {
        if (event.type == EventType::exit && context.named && options.pid) ended = true;
    });
    if (auto bound = set_watches(options, session); !bound) {
        notice(bound.error().message);
        return kFailure;
    }
    notice(session.description(*subject));
    if (options.pid)
        session.say_dormant(options.pid);
    else
        session.say_selected();
    session.read_records();
    while (!ended && !session.output().closed() && !session.source_failed()) {
        const std::vector<bool> ready = session.wait({signals.get()}, -1);
        if (ready[0] && asked_to_stop(signals.get(), session)) break;
    }
    session.finish(signals.get());
    if (session.source_failed()) return kFailure;
    if (session.output().error().empty()) return session.failed() ? 1 : 0;
    notice("events could not be written: " + session.output().error());
    return kFailure;
}

}  // namespace brink::app
