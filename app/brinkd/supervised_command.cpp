// SPDX-License-Identifier: Apache-2.0
#include "supervised_command.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace brink::app {
namespace {

action::RestartOptions options_of(const Rule& rule) {
    action::RestartOptions options;
    options.first_delay = rule.restart_delay;
    options.max_delay = std::max(options.max_delay, rule.restart_delay);
    options.max_per_hour = rule.max_per_hour;
    return options;
}

std::string how_it_ended(int wait_status) {
    if (WIFSIGNALED(wait_status))
        return fmt::format("was killed by signal {}", WTERMSIG(wait_status));
    return fmt::format("ended with status {}", WEXITSTATUS(wait_status));
}

}  // namespace

SupervisedCommand::SupervisedCommand(const Rule& rule, action::OriginalState original,
                                     Watching watching, Say say)
    : words_(rule.command),
      grace_(rule.restart_grace),
      original_(std::move(original)),
      policy_(options_of(rule)),
      watching_(std::move(watching)),
      say_(std::move(say)) {}

SupervisedCommand::~SupervisedCommand() {
    if (command_ && !end_)
        begin_end(command_->pid(), command_->start_time(),
                  std::min(grace_, std::chrono::milliseconds(2000)));
    while (end_ && !end_->done()) {
        pollfd fd{end_->fd(), POLLIN, 0};
        ::poll(&fd, 1, end_->timeout_ms());
        if (command_) (void)command_->reap();
        end_->step();
    }
    if (command_) (void)command_->reap();
}

void SupervisedCommand::start() {
    start_at_.reset();
    policy_.started(Clock::now());
    auto command = action::CommandProcess::fork(words_, original_);
    if (!command) {
        say_(command.error().message);
        return start_later();
    }
    if (auto bound = watching_.bind(command->pid()); !bound) {
        command->abandon();
        say_("it cannot be watched: " + bound.error().message);
        return start_later();
    }
    if (auto executed = command->execute(); !executed) {
        say_(fmt::format("{} cannot be executed: {}", words_[0],
                         std::strerror(executed.error().code)));
        return start_later();
    }
    command_ = std::move(*command);
    watching_.executed(command_->pid());
    say_(fmt::format("{} runs as process {}", words_[0], command_->pid()));
}

void SupervisedCommand::start_later() {
    const action::RestartDecision decision = policy_.wanted(Clock::now());
    if (decision.restart)
        start_at_ = Clock::now() + decision.delay;
    else
        say_(fmt::format("{} is not started again: {}", words_[0], decision.reason));
}

void SupervisedCommand::restart(action::OutcomeHandler handler) {
    if (!command_ || end_) return handler({"refused", "it does not run at present", {}});
    handler_ = std::move(handler);
    begin_end(command_->pid(), command_->start_time(), grace_);
    if (!end_) std::exchange(handler_, nullptr)(action::failed("it cannot be ended"));
}

void SupervisedCommand::begin_end(pid_t root, std::uint64_t start_time,
                                  std::chrono::milliseconds grace) {
    action::TreeEndOptions how;
    how.grace = grace;
    auto end = action::ProcessTreeEnd::begin(kernel::Procfs{}, root, start_time, std::move(how));
    if (end)
        end_ = std::move(*end);
    else
        say_(end.error().message);
}

int SupervisedCommand::fd() const {
    if (end_) return end_->fd();
    return command_ ? command_->fd() : -1;
}

int SupervisedCommand::timeout_ms() const {
    if (end_) return end_->timeout_ms();
    if (!start_at_) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*start_at_ - Clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
}

void SupervisedCommand::on_readable() {
    const auto status = command_ ? command_->reap() : std::nullopt;
    if (end_) {
        end_->step();
        if (end_->done()) on_tree_ended();
    } else if (status) {
        on_ended(*status);
    }
    if (start_at_ && Clock::now() >= *start_at_) start();
}

void SupervisedCommand::on_ended(int wait_status) {
    command_.reset();
    say_(fmt::format("{} {}", words_[0], how_it_ended(wait_status)));
    start_later();
}

void SupervisedCommand::on_tree_ended() {
    action::ActionOutcome outcome = end_->outcome();
    end_.reset();
    if (command_) (void)command_->reap();
    command_.reset();
    start_later();
    outcome.detail += start_at_ ? "; starts again" : "; is not started again";
    if (handler_) std::exchange(handler_, nullptr)(std::move(outcome));
}

}  // namespace brink::app
