// SPDX-License-Identifier: Apache-2.0
// brinkd: opens the engine, listens, serves until it is told to stop.
#include <fmt/format.h>
#include <grp.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/own_limits.hpp"
#include "broker/server.hpp"
#include "broker/socket.hpp"
#include "daemon_options.hpp"
#include "stop_signals.hpp"

namespace brink::app {
namespace {

void say(const std::string& message) { fmt::print(stderr, "brinkd: {}\n", message); }

std::optional<gid_t> group_brink() {
    const group* found = ::getgrnam("brink");
    if (!found) return std::nullopt;
    return found->gr_gid;
}

// Whether one of the signals that have come asks for the end; SIGHUP asks for a check.
bool asked_to_stop(int signals, broker::Server& server) {
    signalfd_siginfo info{};
    bool stop = false;
    while (::read(signals, &info, sizeof info) == sizeof info) {
        stop |= info.ssi_signo != SIGHUP;
        if (info.ssi_signo == SIGHUP)
            say(fmt::format("{} counts differed from the kernel's and were corrected",
                            server.check_counts()));
    }
    return stop;
}

Result<void> serve(const DaemonOptions& options, int signals) {
    auto listener = broker::Listener::at(options.socket);
    if (!listener) return tl::unexpected(listener.error());
    auto shared = broker::open_shared_source(options.source);
    if (!shared) return tl::unexpected(shared.error());
    const std::string engine(shared->source->engine());
    broker::ServerOptions server_options;
    server_options.quotas = options.quotas;
    server_options.max_clients = options.source.max_clients;
    server_options.group = group_brink();
    auto server = broker::Server::create(std::move(shared->source), server_options);
    if (!server) return tl::unexpected(server.error());
    if (auto listening = (*server)->listen(listener->take_socket()); !listening) return listening;
    say(fmt::format("serving at {} with engine {}{}", options.socket, engine,
                    shared->remark.empty() ? "" : " (" + shared->remark + ")"));
    do {
        (*server)->run(signals);
    } while (!asked_to_stop(signals, **server));
    return {};
}

int run(const DaemonOptions& options) {
    const Fd signals(stop_signals());
    raise_own_limits();
    if (const auto served = serve(options, signals.get()); !served) {
        say(served.error().message);
        return 1;
    }
    return 0;
}

int print(const Stop& stop) {
    std::fputs(stop.out.c_str(), stdout);
    std::fputs(stop.err.c_str(), stderr);
    return stop.status;
}

}  // namespace
}  // namespace brink::app

int main(int argc, char** argv) {
    const auto line = brink::app::parse_daemon_line(argc, argv);
    if (const auto* stop = std::get_if<brink::app::Stop>(&line)) return brink::app::print(*stop);
    return brink::app::run(std::get<brink::app::DaemonOptions>(line));
}
