// SPDX-License-Identifier: Apache-2.0
// One look at a resource, judged as a Nagios plugin judges. What could not be read is never taken for well.
#pragma once

#include <optional>
#include <string>

#include "brink/resource.hpp"
#include "engine/selection.hpp"
#include "kernel/machine.hpp"
#include "range.hpp"

namespace brink::check {

enum class Status { ok = 0, warning = 1, critical = 2, unknown = 3 };

enum class Metric { percent, usage, headroom };

struct Options {
    const Resource* resource = nullptr;
    Metric metric = Metric::percent;  ///< what the ranges are about
    Range warning;
    Range critical;
    std::optional<pid_t> pid;
    std::optional<engine::Selection>
        selection;  ///< unit, cgroup, comm or user; none: every subject
};

struct Verdict {
    Status status = Status::unknown;
    std::string line;  ///< "NOFILE WARNING - leaky[1234] at 820 of 1024 (80%), of 3 | …"
};

[[nodiscard]] Verdict check(kernel::Machine& machine, const Options& options);

/// "OK", "WARNING" …
[[nodiscard]] const char* status_name(Status status);

}  // namespace brink::check
