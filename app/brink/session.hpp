// SPDX-License-Identifier: Apache-2.0
// Session: what `run` and `watch` have in common: a monitor, its output, and the actions that its
// events lead to. One thread, driven by a poll(2) loop of the caller.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "action/exec.hpp"
#include "base/result.hpp"
#include "engine/monitor.hpp"
#include "options.hpp"
#include "output.hpp"

namespace brink::app {

class Session {
  public:
    /// What `restart` does; it is the caller who owns the command.
    using Restart = std::function<void(const Event& cause, const engine::ActionSpec& action)>;

    [[nodiscard]] static Result<std::unique_ptr<Session>> create(const MonitorOptions& options,
                                                                 int default_fd,
                                                                 action::OriginalState original);

    [[nodiscard]] engine::Monitor& monitor() { return *monitor_; }
    [[nodiscard]] Output& output() { return output_; }
    [[nodiscard]] action::ExecRunner& commands() { return *commands_; }
    /// "nofile=80%,95%" … with the engine and its remark, for the notice at the start.
    [[nodiscard]] std::string description(const std::string& subject) const;

    /// Says on standard error which levels cannot be reached under the limits that `pid` has now.
    void say_dormant(pid_t pid) const;
    /// Says how many subjects a selection means now, and of how many a level cannot be reached.
    void say_selected() const;

    void on_restart(Restart restart) { restart_ = std::move(restart); }
    /// Called for each event, after it was written.
    void on_event(std::function<void(const Event&, const engine::Context&)> listener) {
        listener_ = std::move(listener);
    }

    /// Waits for `extra` descriptors, records and commands, at most `timeout_ms` (-1: as long as it
    /// takes), and does what is due. True for each of `extra` that is readable.
    std::vector<bool> wait(const std::vector<int>& extra, int timeout_ms);

    /// Takes what records wait.
    void read_records();
    /// Reports an `action` event.
    void report(const Event& cause, const engine::ActionSpec& action,
                action::ActionOutcome outcome);
    /// Waits, at the end, for commands that still run. `stop_signals`: a signalfd (non-blocking); INT, TERM or
    /// HUP there ends them.
    void finish(int stop_signals);

    /// Whether brinkd watches on our behalf, and decides what we may watch.
    [[nodiscard]] bool by_daemon() const { return by_daemon_; }
    /// Whether nothing more will come: the daemon has ended, which has been said.
    [[nodiscard]] bool source_failed() const { return source_failed_; }

    /// Whether the action `fail` was met.
    [[nodiscard]] bool failed() const { return failed_; }

  private:
    explicit Session(Output output) : output_(std::move(output)) {}
    void act(const Event& event, const engine::ActionSpec& action, const engine::Context& context);
    void send_signal(const Event& event, const engine::ActionSpec& action);

    Output output_;
    std::unique_ptr<engine::Monitor> monitor_;
    std::unique_ptr<action::ExecRunner> commands_;
    std::string remark_;
    std::uint64_t unwatched_ = 0;  // of which it has been said
    Restart restart_;
    std::function<void(const Event&, const engine::Context&)> listener_;
    bool failed_ = false;
    bool by_daemon_ = false;
    bool source_failed_ = false;
};

}  // namespace brink::app
