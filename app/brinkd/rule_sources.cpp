// SPDX-License-Identifier: Apache-2.0
#include "rule_sources.hpp"

#include <algorithm>
#include <utility>

#include "engine_choice.hpp"

namespace brink::app {
namespace {

bool is_in_the_hub(const engine::WatchSpec& watch) {
    return watch.resource->scope == Scope::process && watch.resource->facility != Facility::wakeups;
}

}  // namespace

Result<RuleSource> RuleSources::of(const Rule& rule) const {
    RuleSource source;
    if (std::all_of(rule.watches.begin(), rule.watches.end(), is_in_the_hub)) {
        auto share = hub_.share(false);
        if (!share) return tl::unexpected(share.error());
        source.records = std::move(*share);
        return source;
    }
    MonitorOptions options;
    options.watches = rule.watches;
    options.selection = rule.selection;
    options.max_subjects = options_.max_subjects;
    if (options_.engine == broker::EngineWish::poll) options.engine = EngineChoice::poll;
    auto chosen = choose_engine(options);
    if (!chosen) return tl::unexpected(chosen.error());
    source.own = true;
    source.remark = std::move(chosen->remark);
    source.records = std::move(chosen->source);
    return source;
}

}  // namespace brink::app
