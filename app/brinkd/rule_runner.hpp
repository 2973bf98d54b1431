// SPDX-License-Identifier: Apache-2.0
// RuleRunner: one rule at work: its watches on a source, the events that come of them, and its actions. Every
// event is reported before an action that it leads to is begun.
//
// One thread, driven by a poll(2) loop of the caller. The watches end with it; commands of exec actions go on.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "action/exec.hpp"
#include "action/unit_restart.hpp"
#include "action_throttle.hpp"
#include "engine/monitor.hpp"
#include "kernel/procfs.hpp"
#include "rule.hpp"
#include "rule_sources.hpp"
#include "supervised_command.hpp"

namespace brink::app {

class RuleRunner {
  public:
    /// Takes an event of the rule, or of one of its actions; and a sentence about the rule.
    struct Reports {
        std::function<void(const Event&)> event;
        std::function<void(const std::string&)> notice;
        std::function<void(const Event&)> alarm;  ///< the action `log`
    };

    /// `reports` and the hub of `sources` outlive it. The error says what the engine cannot do for this rule.
    [[nodiscard]] static Result<std::unique_ptr<RuleRunner>> start(Rule rule,
                                                                   const RuleSources& sources,
                                                                   action::OriginalState original,
                                                                   const Reports& reports);

    [[nodiscard]] const Rule& rule() const { return rule_; }
    /// Rule::text() as it was given.
    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] std::uint64_t events() const { return events_; }
    [[nodiscard]] std::uint64_t actions() const { return actions_; }
    [[nodiscard]] std::string_view engine() const { return monitor_->source().engine(); }

    /// Adds what is to be waited for, but for the hub's source, which is the caller's.
    void add_to(std::vector<pollfd>& fds) const;
    /// Milliseconds after which turn() wants to be called anyway; -1: never.
    [[nodiscard]] int timeout_ms() const;
    /// Takes records that wait, and goes on with actions.
    void turn();

    /// Holds the counts of a source of its own against the kernel's; how many differed and were corrected.
    [[nodiscard]] std::size_t check_counts();

    /// Whether no action is under way: it can be destroyed without leaving one unreported.
    [[nodiscard]] bool idle() const;
    /// Sets its watches no more, and ends the command that it supervises; actions under way go on.
    void retire();

  private:
    using Clock = std::chrono::steady_clock;
    struct Pending {  // an action that is to be done (again)
        Event cause;
        std::size_t action;
        std::uint64_t failures;
        Clock::time_point due;
    };

    RuleRunner(Rule rule, action::OriginalState original, const Reports& reports);
    [[nodiscard]] Result<void> begin(const RuleSources& sources);
    void say_remarks();
    void say_what_is_not_watched();
    void take(const Event& from, const engine::Context& context);
    void consider(const Event& event, std::size_t action, const engine::Context& context);
    void carry_out(const Event& cause, std::size_t action, std::uint64_t failures,
                   const engine::Context* context);
    void on_outcome(const Event& cause, std::size_t action, std::uint64_t failures,
                    action::ActionOutcome outcome);
    void report_action(const Event& cause, std::size_t action, action::ActionOutcome outcome);
    void run_command(const Event& cause, const engine::ActionSpec& spec,
                     action::OutcomeHandler handler);
    void restart(const engine::ActionSpec& spec, action::OutcomeHandler handler);
    void retry_due();

    Rule rule_;
    std::string text_;
    action::OriginalState original_;
    const Reports& reports_;
    kernel::Procfs procfs_;
    ActionThrottle throttle_;
    std::unique_ptr<engine::Monitor> monitor_;
    std::unique_ptr<action::ExecRunner> commands_;      // with the first exec action
    std::unique_ptr<action::UnitRestarter> restarter_;  // with the first restart of a unit
    std::unique_ptr<SupervisedCommand> supervised_;
    std::vector<Pending> pending_;
    bool waits_ = false;  // for a source of its own
    bool retired_ = false;
    std::uint64_t unwatched_ = 0;
    std::uint64_t events_ = 0;
    std::uint64_t actions_ = 0;
};

}  // namespace brink::app
