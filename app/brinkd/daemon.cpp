// SPDX-License-Identifier: Apache-2.0
#include "daemon.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <limits>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/units.hpp"
#include "broker/shared_source.hpp"
#include "broker/socket.hpp"
#include "daemon_state.hpp"
#include "kernel/procfs.hpp"
#include "sink/json.hpp"
#include "sooner.hpp"
#include "trim_memory.hpp"

namespace brink::app {
namespace {

// nullopt: there is no such group on this machine. getgrnam(3) loads libraries that stay, so that it is asked only about a
// group that somebody named.
std::optional<gid_t> group_of(const std::string& name) {
    if (const auto number = parse_count(name);
        number && *number < std::numeric_limits<gid_t>::max())
        return static_cast<gid_t>(*number);
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/etc/group", "re"), std::fclose);
    while (const group* entry = file ? ::fgetgrent(file.get()) : nullptr)
        if (name == entry->gr_name) return entry->gr_gid;
    if (name == kDefaultGroup) return std::nullopt;
    if (const group* found = ::getgrnam(name.c_str())) return found->gr_gid;
    return std::nullopt;
}

}  // namespace

Daemon::Daemon(DaemonOptions line, Configuration configuration)
    : line_(std::move(line)), configuration_(std::move(configuration)) {}

Result<std::unique_ptr<Daemon>> Daemon::start(const DaemonOptions& line,
                                              Configuration configuration,
                                              action::OriginalState original) {
    std::unique_ptr<Daemon> daemon(new Daemon(line, std::move(configuration)));
    if (auto opened = daemon->open(std::move(original)); !opened)
        return tl::unexpected(opened.error());
    return daemon;
}

Result<void> Daemon::open(action::OriginalState original) {
    auto listener = broker::Listener::at(line_.socket);
    if (!listener) return tl::unexpected(listener.error());
    auto shared = broker::open_shared_source(line_.source);
    if (!shared) return tl::unexpected(shared.error());
    remark_ = shared->remark;
    hub_ = std::make_unique<engine::SourceHub>(std::move(shared->source));
    auto share = hub_->share(true);
    if (!share) return tl::unexpected(share.error());
    broker::ServerOptions options;
    options.quotas = line_.quotas;
    options.max_clients = line_.source.max_clients;
    options.group = group_of(line_.group);
    auto server = broker::Server::create(std::move(*share), options);
    if (!server) return tl::unexpected(server.error());
    server_ = std::move(*server);
    if (auto listening = server_->listen(listener->take_socket()); !listening) return listening;
    listener_.emplace(std::move(*listener));
    auto status = StatusSocket::at(broker::status_path(line_.socket), options.group);
    if (!status) return tl::unexpected(status.error());
    status_ = std::make_unique<StatusSocket>(std::move(*status));
    start_history();
    rules_ = std::make_unique<RuleSet>(
        RuleSources(*hub_, line_.source), std::move(original),
        RuleRunner::Reports{[this](const Event& event) { record(event); },
                            [this](const std::string& sentence) {
                                journal_.say(Priority::warning, sentence);
                            },
                            [this](const Event& event) { journal_.say(Priority::error, event); }});
    const std::string engine(hub_->source().engine());
    journal_.say(Priority::info, fmt::format("serving at {} with engine {}{}", line_.socket, engine,
                                             remark_.empty() ? "" : " (" + remark_ + ")"));
    journal_.say(Priority::info, rules_->replace(configuration_.rules));
    return {};
}

// A history that cannot be begun is said, and no reason not to watch.
void Daemon::start_history() {
    if (!configuration_.keep_history) return;
    // As its unit has it made (StateDirectory=). Whether that was possible shows at once.
    const std::string& file = configuration_.history.path;
    (void)::mkdir(file.substr(0, file.rfind('/')).c_str(), 0750);
    auto history = store::HistoryWriter::start(configuration_.history);
    if (history)
        history_ = std::move(*history);
    else
        journal_.say(Priority::error, history.error().message);
}

void Daemon::record(const Event& event) {
    if (history_) history_->append(event, sink::to_json(event));
    journal_.say(priority_of(event), event);
}

void Daemon::run(int signals) {
    trim_memory();
    manager_.ready(summary());
    while (!ending_) turn(signals);
    manager_.stopping();
    rules_.reset();
    if (history_) history_->flush();
    for (const std::string& notice :
         history_ ? history_->take_notices() : std::vector<std::string>())
        journal_.say(Priority::warning, notice);
}

void Daemon::turn(int signals) {
    std::vector<pollfd> fds{{server_->fd(), POLLIN, 0},
                            {signals, POLLIN, 0},
                            {status_->fd(), POLLIN, 0},
                            {manager_.fd(), POLLIN, 0},
                            {history_ ? history_->fd() : -1, POLLIN, 0},
                            {hub_->source().fd(), POLLIN, 0}};
    rules_->add_to(fds);
    int timeout = sooner(server_->timeout_ms(), hub_->source().timeout_ms());
    timeout = sooner(timeout, rules_->timeout_ms());
    ::poll(fds.data(), fds.size(), timeout);
    // Clients first: they wait for their events, the history does not.
    server_->serve(fds[5].revents != 0);
    rules_->turn();
    say_losses();
    if (fds[1].revents) take_signals(signals);
    if (fds[2].revents) status_->answer([this] { return state(); });
    if (fds[3].revents) manager_.beat();
    if (fds[4].revents)
        for (const std::string& notice : history_->take_notices())
            journal_.say(Priority::warning, notice);
}

// What the source dropped is nobody's in particular: rules and clients are told where things stand (resync).
void Daemon::say_losses() {
    const engine::RecordSource& source = hub_->source();
    if (const std::uint64_t dropped = source.dropped(); dropped != lost_) {
        Event event;
        event.type = EventType::lost;
        event.lost = dropped - lost_;
        event.monotonic_ns = monotonic_now_ns();
        event.time_ns = realtime_of(event.monotonic_ns);
        event.seq = ++own_seq_;
        event.engine = source.engine();
        event.host = kernel::Procfs{}.hostname();
        event.boot_id = kernel::Procfs{}.boot_id();
        lost_ = dropped;
        record(event);
    }
    if (const std::uint64_t unwatched = source.unwatched(); unwatched != unwatched_) {
        unwatched_ = unwatched;
        journal_.say(Priority::error,
                     fmt::format("children left unwatched so far: {}; the tables are full, "
                                 "max_subjects makes them larger",
                                 unwatched));
    }
}

void Daemon::take_signals(int signals) {
    signalfd_siginfo info{};
    while (::read(signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP)
            reload();
        else
            ending_ = true;
    }
}

// A bad file is refused as a whole, and nothing changes.
void Daemon::reload() {
    manager_.reloading();
    auto configuration = read_configuration(line_.configuration);
    if (!configuration) {
        for (const Problem& problem : configuration.error())
            journal_.say(Priority::error, problem.text());
        journal_.say(Priority::error, "the configuration is refused; the one before holds");
    } else {
        configuration_.rules = configuration->rules;
        configuration_.files = configuration->files;
        journal_.say(Priority::notice, "configuration read anew; " +
                                           rules_->replace(std::move(configuration->rules)));
    }
    const std::size_t differing = server_->check_counts() + rules_->check_counts();
    journal_.say(Priority::info,
                 fmt::format("{} counts differed from the kernel's and were corrected", differing));
    manager_.ready(summary());
}

std::string Daemon::summary() const {
    return fmt::format("{} rules, {} not at work; {} clients; engine {}", rules_->running().size(),
                       rules_->idle().size(), server_->clients(), hub_->source().engine());
}

std::string Daemon::state() const {
    const auto up = std::chrono::steady_clock::now() - started_;
    return daemon_state({line_.socket, configuration_, remark_, hub_->source(), *rules_,
                         server_->clients(),
                         history_ ? std::optional(history_->counters()) : std::nullopt,
                         std::chrono::duration_cast<std::chrono::seconds>(up)});
}

}  // namespace brink::app
