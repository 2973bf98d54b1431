// SPDX-License-Identifier: Apache-2.0
// brink run: a command under watch, from its first instruction to its end.
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "action/command_process.hpp"
#include "action/process_tree_end.hpp"
#include "action/restart.hpp"
#include "base/own_limits.hpp"
#include "commands.hpp"
#include "engine_choice.hpp"
#include "session.hpp"

namespace brink::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using Clock = std::chrono::steady_clock;

constexpr int kOwnFailure = 125;
constexpr int kNotExecutable = 126;
constexpr int kNotFound = 127;

// What is passed on to the command. Those that stop and continue (TSTP, TTIN, TTOU, CONT) act on
// brink itself as on anybody else in the foreground.
constexpr int kForwarded[] = {SIGHUP,  SIGINT,  SIGQUIT,  SIGTERM, SIGUSR1,
                              SIGUSR2, SIGALRM, SIGWINCH, SIGPWR,  SIGURG};

action::OriginalState take_over_signals_and_limits() {
    action::OriginalState original;
    sigset_t ours;
    sigemptyset(&ours);
    for (const int number : kForwarded) sigaddset(&ours, number);
    sigaddset(&ours, SIGCHLD);
    sigaddset(&ours, SIGPIPE);
    ::sigprocmask(SIG_BLOCK, &ours, &original.signal_mask);
    for (const auto resource : {RLIMIT_NOFILE, RLIMIT_MEMLOCK}) {
        rlimit limit{};
        ::getrlimit(resource, &limit);
        original.limits.emplace_back(resource, limit);
    }
    raise_own_limits();
    return original;
}

int exit_status(int wait_status) {
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

milliseconds to_ms(std::uint64_t ns) {
    return std::chrono::duration_cast<milliseconds>(nanoseconds(ns));
}

action::RestartOptions restart_options(const RunOptions& options) {
    action::RestartOptions restart;
    restart.first_delay = to_ms(options.restart_delay_ns);
    restart.max_delay = std::max(restart.first_delay, restart.max_delay);
    restart.max_per_hour = options.restart_max;
    return restart;
}

class Run {
  public:
    Run(const RunOptions& options, action::OriginalState original)
        : options_(options), original_(std::move(original)), policy_(restart_options(options)) {}

    int main();

  private:
    struct Restarting {
        Event cause;
        engine::ActionSpec action;
        std::unique_ptr<action::ProcessTreeEnd> end;
        milliseconds delay{0};
        std::optional<Clock::time_point> start_at;  // the old command is gone
    };

    int start();
    void step();
    void forward_signals();
    void begin_restart(const Event& cause, const engine::ActionSpec& action);
    int continue_restart();
    void reap_orphans();
    [[nodiscard]] int restart_timeout_ms() const;
    int finish(int status);

    const RunOptions& options_;
    action::OriginalState original_;
    action::RestartPolicy policy_;
    std::unique_ptr<Session> session_;
    std::optional<action::CommandProcess> command_;
    std::optional<Restarting> restarting_;
    Fd signals_;
    bool interrupted_ = false;  // a signal asked for the end while a restart was under way
    bool restarts_ = false;
    bool said_dormant_ = false;
};

// Starts the command. 0, or the status to end with.
int Run::start() {
    auto command = action::CommandProcess::fork(options_.command, original_);
    if (!command) {
        notice(command.error().message);
        return kOwnFailure;
    }
    command_ = std::move(*command);
    engine::Target target;
    target.pid = command_->pid();
    target.at_exec = true;
    if (auto bound = session_->monitor().bind(target); !bound) {
        notice(bound.error().message);
        command_->abandon();
        return kOwnFailure;
    }
    if (!std::exchange(said_dormant_, true)) session_->say_dormant(target.pid);
    session_->output().never_fold(target.pid);
    policy_.started(Clock::now());
    if (auto executed = command_->execute(); !executed) {
        const int error = executed.error().code;
        const bool watch = error == ENOENT && options_.command[0].find('=') != std::string::npos;
        notice(fmt::format("cannot execute {}: {}{}", options_.command[0], std::strerror(error),
                           watch ? "; for a level write -w before it" : ""));
        return error == ENOENT ? kNotFound : kNotExecutable;
    }
    session_->monitor().source().executed(target.pid);
    return 0;
}

int Run::main() {
    auto session = Session::create(options_, STDERR_FILENO, original_);
    if (!session) {
        notice(session.error().message);
        return kOwnFailure;
    }
    session_ = std::move(*session);
    restarts_ = std::any_of(options_.actions.begin(), options_.actions.end(),
                            [](const auto& action) {
                                return action.kind == engine::ActionKind::restart;
                            });
    // Descendants whose parents have ended must be found when the command is to be ended.
    if (restarts_) ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    session_->on_restart([this](const Event& cause, const engine::ActionSpec& action) {
        begin_restart(cause, action);
    });
    sigset_t ours;
    sigemptyset(&ours);
    for (const int number : kForwarded) sigaddset(&ours, number);
    signals_ = Fd(::signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK));

    notice(session_->description(options_.command[0]));
    if (const int status = start()) return status;
    while (true) {
        step();
        if (restarting_) {
            if (const int status = continue_restart()) return finish(status);
        } else if (const auto status = command_->reap()) {
            return finish(exit_status(*status));
        }
    }
}

void Run::step() {
    std::vector<int> fds{signals_.get()};
    if (restarting_ && !restarting_->start_at)
        fds.push_back(restarting_->end->fd());
    else if (!restarting_)
        fds.push_back(command_->fd());
    const std::vector<bool> ready = session_->wait(fds, restart_timeout_ms());
    if (ready[0]) forward_signals();
    if (restarts_) reap_orphans();
}

void Run::forward_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
        const int number = static_cast<int>(info.ssi_signo);
        // What the terminal sends goes to the whole foreground group, the command included.
        if (info.ssi_code == SI_KERNEL && ::getpgrp() == ::getpgid(command_->pid())) continue;
        if (restarting_ && (number == SIGTERM || number == SIGINT || number == SIGHUP))
            interrupted_ = true;
        command_->signal(number);
    }
}

void Run::begin_restart(const Event& cause, const engine::ActionSpec& action) {
    if (restarting_ || command_->reap()) return;
    const action::RestartDecision decision = policy_.wanted(Clock::now());
    if (!decision.restart) {
        session_->report(cause, action, {"refused", decision.reason, {}});
        return;
    }
    action::TreeEndOptions how;
    how.grace = to_ms(options_.restart_grace_ns);
    how.subreaper = ::getpid();
    how.spare = [this](pid_t pid) { return session_->commands().owns(pid); };
    auto end = action::ProcessTreeEnd::begin(kernel::Procfs{}, command_->pid(),
                                             command_->start_time(), std::move(how));
    if (!end) {
        session_->report(cause, action, action::failed(end.error().message));
        return;
    }
    restarting_ = Restarting{cause, action, std::move(*end), decision.delay, {}};
}

// One step of a restart that is under way: end the old command, wait, start the new one. Not 0: the
// status to end with.
int Run::continue_restart() {
    Restarting& now = *restarting_;
    (void)command_->reap();
    if (!now.start_at) {
        now.end->step();
        if (!now.end->done()) return 0;
        session_->read_records();
        action::ActionOutcome outcome = now.end->outcome();
        outcome.detail += fmt::format("; starts again in {} ms", now.delay.count());
        session_->report(now.cause, now.action, std::move(outcome));
        now.start_at = Clock::now() + now.delay;
    }
    if (interrupted_) return exit_status(command_->reap().value_or(SIGTERM));
    if (Clock::now() < *now.start_at) return 0;
    restarting_.reset();
    return start();
}

int Run::restart_timeout_ms() const {
    if (!restarting_) return -1;
    if (!restarting_->start_at) return restarting_->end->timeout_ms();
    const auto left = std::chrono::ceil<milliseconds>(*restarting_->start_at - Clock::now());
    return static_cast<int>(std::max<std::int64_t>(0, left.count()));
}

// As subreaper brink inherits the orphans of the command; it buries them, but leaves the command
// and the commands of exec actions to those who wait for them.
void Run::reap_orphans() {
    for (int i = 0; i < 64; ++i) {
        siginfo_t ended{};
        if (::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) || ended.si_pid == 0) return;
        if (ended.si_pid == command_->pid() || session_->commands().owns(ended.si_pid)) return;
        ::waitpid(ended.si_pid, nullptr, WNOHANG);
    }
}

int Run::finish(int status) {
    session_->finish(signals_.get());
    if (!session_->output().error().empty())
        notice("events could not be written: " + session_->output().error());
    return session_->failed() ? 1 : status;
}

}  // namespace

int run_command(const RunOptions& options) {
    return Run(options, take_over_signals_and_limits()).main();
}

}  // namespace brink::app
