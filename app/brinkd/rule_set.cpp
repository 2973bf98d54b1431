// SPDX-License-Identifier: Apache-2.0
#include "rule_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sooner.hpp"

namespace brink::app {

std::string RuleSet::replace(std::vector<Rule> rules) {
    std::vector<std::unique_ptr<RuleRunner>> kept;
    std::vector<Rule> fresh;
    for (Rule& rule : rules) {
        const auto same = std::find_if(running_.begin(), running_.end(), [&](const auto& runner) {
            return runner && runner->text() == rule.text();
        });
        if (same == running_.end())
            fresh.push_back(std::move(rule));
        else
            kept.push_back(std::move(*same));
    }
    std::size_t ended = 0;
    for (auto& runner : running_) {
        if (!runner) continue;
        runner->retire();
        if (!runner->idle()) retired_.push_back(std::move(runner));
        ++ended;
    }
    const std::size_t unchanged = kept.size();
    running_ = std::move(kept);
    idle_.clear();
    for (Rule& rule : fresh) {
        auto runner = RuleRunner::start(rule, sources_, original_, reports_);
        if (runner) {
            running_.push_back(std::move(*runner));
            continue;
        }
        reports_.notice(runner.error().message + "; the rule is not at work");
        idle_.push_back({std::move(rule), runner.error().message});
    }
    return fmt::format("rules: {} at work ({} unchanged, {} ended), {} not", running_.size(),
                       unchanged, ended, idle_.size());
}

void RuleSet::add_to(std::vector<pollfd>& fds) const {
    for (const auto* runners : {&running_, &retired_})
        for (const auto& runner : *runners) runner->add_to(fds);
}

int RuleSet::timeout_ms() const {
    int timeout = -1;
    for (const auto* runners : {&running_, &retired_})
        for (const auto& runner : *runners) timeout = sooner(timeout, runner->timeout_ms());
    return timeout;
}

std::size_t RuleSet::check_counts() {
    std::size_t differing = 0;
    for (const auto& runner : running_) differing += runner->check_counts();
    return differing;
}

void RuleSet::turn() {
    for (const auto& runner : running_) runner->turn();
    for (const auto& runner : retired_) runner->turn();
    std::erase_if(retired_, [](const auto& runner) { return runner->idle(); });
}

}  // namespace brink::app
