// SPDX-License-Identifier: Apache-2.0
// brinkd: reads the command line and the configuration, and serves until it is told to stop.
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstdio>
#include <variant>

#include "base/own_limits.hpp"
#include "check.hpp"
#include "daemon.hpp"
#include "stop_signals.hpp"

namespace brink::app {
namespace {

constexpr int kFailure = 1;

int print(const Stop& stop) {
    std::fputs(stop.out.c_str(), stdout);
    std::fputs(stop.err.c_str(), stderr);
    return std::fflush(stdout) == 0 ? stop.status : kFailure;
}

// What commands of rules get, whatever brinkd needs for itself.
action::OriginalState original_state() {
    action::OriginalState original;
    ::sigprocmask(SIG_SETMASK, nullptr, &original.signal_mask);
    for (const int resource : {RLIMIT_NOFILE, RLIMIT_MEMLOCK}) {
        rlimit limit{};
        ::getrlimit(static_cast<__rlimit_resource>(resource), &limit);
        original.limits.emplace_back(resource, limit);
    }
    return original;
}

int run(const DaemonOptions& options, Configuration configuration) {
    action::OriginalState original = original_state();
    const Fd signals(stop_signals());
    raise_own_limits();
    auto daemon = Daemon::start(options, std::move(configuration), std::move(original));
    if (!daemon) {
        Journal().say(Priority::error, daemon.error().message);
        return kFailure;
    }
    (*daemon)->run(signals.get());
    return 0;
}

int main_of(int argc, const char* const* argv) {
    auto line = parse_daemon_line(argc, argv);
    if (const auto* stop = std::get_if<Stop>(&line)) return print(*stop);
    const auto& first = std::get<DaemonOptions>(line);
    if (first.check) return check_configuration(first.configuration);
    auto configuration = read_configuration(first.configuration);
    if (!configuration) {
        for (const Problem& problem : configuration.error())
            Journal().say(Priority::error, problem.text());
        return kFailure;
    }
    // Once more: what the command line says holds before what the files say.
    DaemonOptions defaults;
    defaults.source = configuration->source;
    defaults.quotas = configuration->quotas;
    line = parse_daemon_line(argc, argv, std::move(defaults));
    return run(std::get<DaemonOptions>(line), std::move(*configuration));
}

}  // namespace
}  // namespace brink::app

int main(int argc, char** argv) { return brink::app::main_of(argc, argv); }
