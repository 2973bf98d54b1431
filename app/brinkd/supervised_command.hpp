// SPDX-License-Identifier: Apache-2.0
// SupervisedCommand: a program that brinkd has started for a rule, with all that comes of it: watched from its first
// instruction, ended and started again by the action `restart`, and started again when it ends by itself; each time after a
// growing pause, and not more often than the rule allows.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "action/action.hpp"
#include "action/command_process.hpp"
#include "action/process_tree_end.hpp"
#include "action/restart.hpp"
#include "base/result.hpp"
#include "rule.hpp"

namespace brink::app {

class SupervisedCommand {
  public:
    struct Watching {
        /// Sets the watches on a process that will execute.
        std::function<Result<void>(pid_t)> bind;
        /// It has executed.
        std::function<void(pid_t)> executed;
    };
    /// Takes one sentence of what has happened to the command.
    using Say = std::function<void(const std::string&)>;

    SupervisedCommand(const Rule& rule, action::OriginalState original, Watching watching, Say say);
    /// Ends the command and its descendants: SIGTERM, and SIGKILL to who is left after a short while.
    ~SupervisedCommand();
    SupervisedCommand(const SupervisedCommand&) = delete;
    SupervisedCommand& operator=(const SupervisedCommand&) = delete;

    /// Starts it. An error is said, and it is tried again.
    void start();

    /// Ends it and starts it again.
    void restart(action::OutcomeHandler handler);

    /// -1, or what becomes readable when on_readable() has something to do.
    [[nodiscard]] int fd() const;
    void on_readable();
    /// Milliseconds after which on_readable() wants to be called anyway; -1: never.
    [[nodiscard]] int timeout_ms() const;

    /// 0: it does not run.
    [[nodiscard]] pid_t pid() const { return command_ ? command_->pid() : 0; }

  private:
    using Clock = std::chrono::steady_clock;
    void begin_end(pid_t root, std::uint64_t start_time, std::chrono::milliseconds grace);
    void on_ended(int wait_status);
    void on_tree_ended();
    void start_later();

    const std::vector<std::string> words_;
    const std::chrono::milliseconds grace_;
    action::OriginalState original_;
    action::RestartPolicy policy_;
    Watching watching_;
    Say say_;
    std::optional<action::CommandProcess> command_;
    std::unique_ptr<action::ProcessTreeEnd> end_;  // of the old run
    action::OutcomeHandler handler_;               // of the restart that is under way
    std::optional<Clock::time_point> start_at_;
};

}  // namespace brink::app
