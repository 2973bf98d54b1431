// SPDX-License-Identifier: Apache-2.0
// The engines without hooks, each with the words that say what it misses; and several of them as one.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "brink/resource.hpp"
#include "engine/combined_source.hpp"
#include "engine_choice.hpp"
#include "options.hpp"

namespace brink::app {

using Resources = std::set<const Resource*>;

/// "cpu, space"
[[nodiscard]] std::string names(const Resources& resources);

/// `poll` for processes, and for what is counted for none.
[[nodiscard]] Result<ChosenEngine> poll_engine(const MonitorOptions& options,
                                               const Resources& resources);
[[nodiscard]] Result<ChosenEngine> shared_poll_engine(const MonitorOptions& options,
                                                      const Resources& resources);
/// `timer`, for CPU time.
[[nodiscard]] Result<ChosenEngine> timer_engine(const MonitorOptions& options);
/// For wake-ups, by raw tracepoints of their own.
[[nodiscard]] Result<ChosenEngine> wakeup_engine(const MonitorOptions& options);
/// `notify`, for pressure. The error: why it cannot be had.
[[nodiscard]] Result<ChosenEngine> pressure_engine();
/// `notify`, for what a cgroup was refused; beside one that counts. The error: why it cannot be had.
[[nodiscard]] Result<ChosenEngine> refusal_engine();

/// The sources that work side by side, best first.
class EngineParts {
  public:
    void add(ChosenEngine engine, Resources resources);
    /// Behind all that is said of parts.
    void say_last(const std::string& remark) { last_ += remark; }
    /// REQUIRES: there is one at least.
    [[nodiscard]] Result<ChosenEngine> take();

  private:
    std::vector<engine::CombinedSource::Part> parts_;
    std::string remark_;
    std::string last_;
};

}  // namespace brink::app
