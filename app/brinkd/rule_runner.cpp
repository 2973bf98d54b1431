// SPDX-License-Identifier: Apache-2.0
#include "rule_runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "action/evidence.hpp"
#include "action/raise.hpp"
#include "action/signal.hpp"
#include "action/spared.hpp"
#include "base/units.hpp"
#include "brink/resource.hpp"
#include "resource/table.hpp"
#include "sink/json.hpp"
#include "sooner.hpp"

namespace brink::app {
namespace {

using action::ActionOutcome;
using engine::ActionKind;
using engine::ActionSpec;

constexpr std::size_t kMostPending = 256;

// Evidence first: what comes after it may take away what it would tell of.
std::vector<ActionSpec> in_order(std::vector<ActionSpec> actions) {
    std::stable_partition(actions.begin(), actions.end(), [](const ActionSpec& action) {
        return action.kind == ActionKind::evidence;
    });
    return actions;
}

// The monitor is told of evidence only, for which the hooks capture the stack. Signals are sent from here: the hooks know
// no cool-down.
std::vector<ActionSpec> for_the_hooks(const std::vector<ActionSpec>& actions) {
    std::vector<ActionSpec> evidence;
    std::copy_if(actions.begin(), actions.end(), std::back_inserter(evidence),
                 [](const ActionSpec& action) { return action.kind == ActionKind::evidence; });
    return evidence;
}

// Whom the event is about. One about a user or a cgroup also names the process that did it.
std::string subject_of(const Event& event) {
    if (event.scope == "user")
        return fmt::format("{} user {} {}", event.resource, event.uid.value_or(0),
                           event.user_namespace.value_or(0));
    if (event.scope == "cgroup") return fmt::format("{} cgroup {}", event.resource, event.cgroup);
    if (event.scope == "socket" || event.scope == "system")
        return fmt::format("{} {} {}", event.resource, event.scope, event.target);
    return fmt::format("{} process {} {} {}", event.resource, event.pid.value_or(0),
                       event.start_time.value_or(0),
                       event.scope == "thread" ? event.tid.value_or(0) : 0);
}

ActionOutcome spared(const Error& error) {
    return {error.code == EPERM ? "refused" : "failed", error.message, {}};
}

}  // namespace

RuleRunner::RuleRunner(Rule rule, action::OriginalState original, const Reports& reports)
    : rule_(std::move(rule)),
      text_(rule_.text()),
      original_(std::move(original)),
      reports_(reports),
      throttle_(rule_.cool_down, rule_.max_per_hour) {
    rule_.actions = in_order(std::move(rule_.actions));
}

Result<std::unique_ptr<RuleRunner>> RuleRunner::start(Rule rule, const RuleSources& sources,
                                                      action::OriginalState original,
                                                      const Reports& reports) {
    std::unique_ptr<RuleRunner> runner(
        new RuleRunner(std::move(rule), std::move(original), reports));
    if (auto begun = runner->begin(sources); !begun)
        return fail(fmt::format("rule {} ({}): {}", runner->rule_.name, runner->rule_.place,
                                begun.error().message),
                    begun.error().code);
    return runner;
}

Result<void> RuleRunner::begin(const RuleSources& sources) {
    auto source = sources.of(rule_);
    if (!source) return tl::unexpected(source.error());
    waits_ = source->own;
    if (waits_)
        reports_.notice(fmt::format("rule {}: with engine {}, {}", rule_.name,
                                    source->records->engine(), source->remark));
    auto monitor = engine::Monitor::create(std::move(source->records), rule_.watches,
                                           for_the_hooks(rule_.actions));
    if (!monitor) return tl::unexpected(monitor.error());
    monitor_ = std::move(*monitor);
    if (rule_.selection) {
        auto selected = monitor_->select(*rule_.selection);
        say_remarks();
        return selected;
    }
    supervised_ = std::make_unique<SupervisedCommand>(
        rule_, original_,
        SupervisedCommand::Watching{[this](pid_t pid) {
                                        engine::Target target;
                                        target.pid = pid;
                                        target.at_exec = true;
                                        return monitor_->bind(target);
                                    },
                                    [this](pid_t pid) { monitor_->source().executed(pid); }},
        [this](const std::string& sentence) {
            reports_.notice(fmt::format("rule {}: {}", rule_.name, sentence));
        });
    supervised_->start();
    return {};
}

void RuleRunner::turn() {
    if (waits_) say_what_is_not_watched();
    if (!retired_)
        monitor_->read(
            [this](const Event& event, const engine::Context& context) { take(event, context); });
    if (commands_) commands_->on_readable();
    if (restarter_) restarter_->on_readable();
    if (supervised_) supervised_->on_readable();
    retry_due();
}

void RuleRunner::say_remarks() {
    for (const std::string& remark : monitor_->source().take_remarks())
        reports_.notice(fmt::format("rule {}: {}", rule_.name, remark));
}

// Of a source of its own: for what all share the daemon says it.
void RuleRunner::say_what_is_not_watched() {
    say_remarks();
    if (const std::string failure = monitor_->source().failure(); !failure.empty()) {
        reports_.notice(fmt::format("rule {}: {}", rule_.name, failure));
        waits_ = false;
    }
    const std::uint64_t unwatched = monitor_->source().unwatched();
    if (unwatched == unwatched_) return;
    unwatched_ = unwatched;
    reports_.notice(fmt::format(
        "rule {}: {} subjects left unwatched so far; max_subjects makes the tables larger",
        rule_.name, unwatched));
}

void RuleRunner::take(const Event& from, const engine::Context& context) {
    Event event = from;
    event.rule = rule_.name;
    ++events_;
    reports_.event(event);
    if (event.type != EventType::crossing && event.type != EventType::initial) return;
    for (std::size_t i = 0; i < rule_.actions.size(); ++i)
        if (rule_.actions[i].applies_to(event.resource, event.level_as, *event.direction))
            consider(event, i, context);
}

void RuleRunner::consider(const Event& event, std::size_t action, const engine::Context& context) {
    const ActionSpec& spec = rule_.actions[action];
    if (spec.kind == ActionKind::log) return reports_.alarm(event);
    if (rule_.dry_run) return report_action(event, action, {"dry_run", "would be done", {}});
    const std::string why_not = throttle_.why_not(action, subject_of(event), Clock::now());
    if (!why_not.empty()) return report_action(event, action, {"refused", why_not, {}});
    ++actions_;
    carry_out(event, action, 0, &context);
}

// `context`: null when it is tried again.
void RuleRunner::carry_out(const Event& cause, std::size_t action, std::uint64_t failures,
                           const engine::Context* context) {
    const ActionSpec& spec = rule_.actions[action];
    const auto answer = [this, cause, action, failures](ActionOutcome outcome) {
        on_outcome(cause, action, failures, std::move(outcome));
    };
    const pid_t pid = cause.pid.value_or(0);
    const std::uint64_t start_time = cause.start_time.value_or(0);
    switch (spec.kind) {
        case ActionKind::signal: {
            const auto held = action::take_hold(procfs_, pid, start_time);
            return answer(held ? action::send_signal(held->get(), pid, spec.signal)
                               : spared(held.error()));
        }
        case ActionKind::raise: {
            const Resource& resource = *find_resource(cause.resource);
            return answer(
                action::raise_limit(procfs_,
                                    {pid, start_time, *resource::rlimit_of(resource),
                                     parse_quantity(spec.ceiling, resource.unit).value_or(0)}));
        }
        case ActionKind::evidence: {
            action::EvidenceRequest request;
            request.resource = find_resource(cause.resource);
            request.pid = pid;
            request.start_time = start_time;
            request.uid = cause.uid.value_or(0);
            request.cgroup = cause.cgroup;
            request.usage = cause.usage;
            if (context) request.stack = context->stack;
            if (context) request.stack_pid = context->stack_pid;
            return answer(action::collect_evidence(procfs_, request));
        }
        case ActionKind::exec: return run_command(cause, spec, answer);
        case ActionKind::restart: return restart(spec, answer);
        // The event that says so is what brink-relay delivers: brinkd speaks to no network.
        case ActionKind::webhook:
            return answer({"queued", fmt::format("output {} delivers it", spec.output), {}});
        case ActionKind::log:
        case ActionKind::fail: return;
    }
}

void RuleRunner::run_command(const Event& cause, const ActionSpec& spec,
                             action::OutcomeHandler handler) {
    if (!commands_) {
        action::ExecOptions options;
        options.time_limit = rule_.time_limit;
        auto created = action::ExecRunner::create(original_, options);
        if (!created) return handler(action::failed(created.error().message));
        commands_ = std::move(*created);
    }
    commands_->run(spec.command, cause, sink::to_json(cause), std::move(handler));
}

void RuleRunner::restart(const ActionSpec& spec, action::OutcomeHandler handler) {
    if (spec.unit.empty() && supervised_) return supervised_->restart(std::move(handler));
    if (spec.unit.empty() && !rule_.selection)
        return handler({"refused", "the rule has ended", {}});
    const std::string& unit = spec.unit.empty() ? rule_.selection->value : spec.unit;
    if (unit == kernel::unit_name(procfs_.cgroup(::getpid())))
        return handler({"refused", "brinkd never restarts itself", {}});
    if (!restarter_) {
        auto created = action::UnitRestarter::create();
        if (!created) return handler(action::failed(created.error().message));
        restarter_ = std::move(*created);
    }
    restarter_->restart(unit, rule_.time_limit, std::move(handler));
}

void RuleRunner::on_outcome(const Event& cause, std::size_t action, std::uint64_t failures,
                            ActionOutcome outcome) {
    if (outcome.result == "failed" && !retired_ && failures < rule_.retries &&
        pending_.size() < kMostPending) {
        outcome.detail += fmt::format("; it is tried again after {} s ({} of {})",
                                      rule_.retry_after.count() / 1000, failures + 1,
                                      rule_.retries);
        pending_.push_back({cause, action, failures + 1, Clock::now() + rule_.retry_after});
    }
    report_action(cause, action, std::move(outcome));
}

void RuleRunner::report_action(const Event& cause, std::size_t action, ActionOutcome outcome) {
    if (!monitor_) return;
    Event event = monitor_->action_event(cause, rule_.actions[action]);
    event.rule = rule_.name;
    event.uid = cause.uid;
    event.cgroup = cause.cgroup;
    event.unit_name = cause.unit_name;
    if (rule_.actions[action].kind == ActionKind::webhook) {
        // Whom it reaches has nothing else to go by.
        event.usage = cause.usage;
        event.limit = cause.limit;
        event.limit_hard = cause.limit_hard;
        event.has_limit = cause.has_limit;
        event.unit = cause.unit;
    }
    event.result = std::move(outcome.result);
    event.detail = std::move(outcome.detail);
    event.evidence = std::move(outcome.evidence);
    reports_.event(event);
}

void RuleRunner::retry_due() {
    const auto now = Clock::now();
    const auto due = std::stable_partition(pending_.begin(), pending_.end(),
                                           [&](const Pending& each) { return each.due > now; });
    const std::vector<Pending> ready(std::make_move_iterator(due),
                                     std::make_move_iterator(pending_.end()));
    pending_.erase(due, pending_.end());
    for (const Pending& each : ready) carry_out(each.cause, each.action, each.failures, nullptr);
}

void RuleRunner::add_to(std::vector<pollfd>& fds) const {
    if (waits_) fds.push_back({monitor_->source().fd(), POLLIN, 0});
    if (commands_) fds.push_back({commands_->fd(), POLLIN, 0});
    if (restarter_) fds.push_back({restarter_->fd(), POLLIN, 0});
    if (supervised_) fds.push_back({supervised_->fd(), POLLIN, 0});
}

int RuleRunner::timeout_ms() const {
    int timeout = waits_ ? monitor_->source().timeout_ms() : -1;
    if (commands_) timeout = sooner(timeout, commands_->timeout_ms());
    if (restarter_) timeout = sooner(timeout, restarter_->timeout_ms());
    if (supervised_) timeout = sooner(timeout, supervised_->timeout_ms());
    const auto now = Clock::now();
    for (const Pending& each : pending_) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(each.due - now).count();
        timeout = sooner(timeout, static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000)));
    }
    return timeout;
}

std::size_t RuleRunner::check_counts() {
    return waits_ ? monitor_->source().check_all().value_or(0) : 0;
}

bool RuleRunner::idle() const {
    return pending_.empty() && (!commands_ || commands_->idle()) &&
           (!restarter_ || restarter_->idle());
}

void RuleRunner::retire() {
    retired_ = true;
    waits_ = false;
    supervised_.reset();
    pending_.clear();
    std::vector<std::uint32_t> watches;
    for (std::uint32_t i = 0; i < rule_.watches.size(); ++i) watches.push_back(i);
    monitor_->source().remove_watches(watches);
}

}  // namespace brink::app
