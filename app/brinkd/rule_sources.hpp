// SPDX-License-Identifier: Apache-2.0
// RuleSources: where the records of a rule come from.
#pragma once

#include <memory>
#include <string>

#include "broker/shared_source.hpp"
#include "engine/source_hub.hpp"
#include "rule.hpp"

namespace brink::app {

/// One rule's source.
struct RuleSource {
    std::unique_ptr<engine::RecordSource> records;
    bool own = false;    ///< not a share of the hub's: the rule waits for it
    std::string remark;  ///< of its own source: engine, cost, and why not a better one
};

class RuleSources {
  public:
    /// `hub` outlives it.
    RuleSources(engine::SourceHub& hub, const broker::SourceOptions& options)
        : hub_(hub), options_(options) {}

    /// A share of the hub where all that the rule watches is counted for processes; where not, a source as `brink watch`
    /// would have. The error says what the engine cannot do for this rule.
    [[nodiscard]] Result<RuleSource> of(const Rule& rule) const;

  private:
    engine::SourceHub& hub_;
    broker::SourceOptions options_;
};

}  // namespace brink::app
