// SPDX-License-Identifier: Apache-2.0
// RuleSet: the rules that are at work. A new configuration changes what has changed: a rule that reads as before is not
// touched.
#pragma once

#include <poll.h>

#include <memory>
#include <string>
#include <vector>

#include "rule_runner.hpp"

namespace brink::app {

/// A rule of the configuration that is not at work, and why.
struct IdleRule {
    Rule rule;
    std::string why;
};

class RuleSet {
  public:
    /// The hub of `sources` outlives it.
    RuleSet(RuleSources sources, action::OriginalState original, RuleRunner::Reports reports)
        : sources_(std::move(sources)),
          original_(std::move(original)),
          reports_(std::move(reports)) {}

    /// Makes `rules` the ones at work. A rule that the engine cannot do is said, and left out. One sentence of what changed.
    std::string replace(std::vector<Rule> rules);

    void add_to(std::vector<pollfd>& fds) const;
    [[nodiscard]] int timeout_ms() const;
    void turn();

    /// RuleRunner::check_counts() of all.
    [[nodiscard]] std::size_t check_counts();

    [[nodiscard]] const std::vector<std::unique_ptr<RuleRunner>>& running() const {
        return running_;
    }
    [[nodiscard]] const std::vector<IdleRule>& idle() const { return idle_; }

  private:
    RuleSources sources_;
    action::OriginalState original_;
    RuleRunner::Reports reports_;
    std::vector<std::unique_ptr<RuleRunner>> running_;
    std::vector<std::unique_ptr<RuleRunner>> retired_;  // until their actions have ended
    std::vector<IdleRule> idle_;
};

}  // namespace brink::app
