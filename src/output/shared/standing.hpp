// SPDX-License-Identifier: Apache-2.0
// Standing: how well it is with a service, in the words of Nagios, from the levels that its subjects stand above.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "brink/event.hpp"

namespace brink::output {

enum class Status { ok = 0, warning = 1, critical = 2 };

/// One service: a process, or all processes that report to it, of one resource or several.
class Standing {
  public:
    /// A level is critical if it stands at `critical_ratio` of the limit or above, else a warning.
    explicit Standing(double critical_ratio) : critical_ratio_(critical_ratio) {}

    void take(const Event& event);

    /// The worst of all: a subject is critical above a critical level, and from a refusal until its usage falls below a level.
    [[nodiscard]] Status status() const;

    /// "nofile 80% up: leaky[1234] at 820 of 1024": what came last.
    [[nodiscard]] const std::string& text() const { return text_; }
    /// "'nofile'=820;;922;0;1024", of what came last; empty where it has no number.
    [[nodiscard]] const std::string& performance() const { return performance_; }

  private:
    // Resource, pid, start time: whose levels they are.
    using Subject = std::tuple<std::string, std::int32_t, std::uint64_t>;
    struct Level {
        std::uint64_t value = 0;
        Status status = Status::warning;
    };
    struct Above {
        std::map<std::pair<std::uint32_t, std::string>, Level> levels;  // by watch, as typed
        bool refused = false;
    };

    [[nodiscard]] Status status_of(const Event& event) const;
    void describe(const Event& event);

    double critical_ratio_;
    std::map<Subject, Above> above_;  // only subjects that stand above something
    std::string text_;
    std::string performance_;
};

}  // namespace brink::output
