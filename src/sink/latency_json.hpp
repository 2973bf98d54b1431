// SPDX-License-Identifier: Apache-2.0
// Reports of `brink latency` as JSON, one object a line; docs/latency.schema.json describes them.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "brink/event.hpp"
#include "latency/measurement.hpp"

namespace brink::sink {

/// An object for each thread, one for all together, one for each of the latest wake-ups, whose time is when it was
/// due. `time_ns`: CLOCK_REALTIME, of the report.
/// `histogram`: with the steps of each distribution.
[[nodiscard]] std::string latency_json(const latency::Report& report, std::int64_t time_ns,
                                       bool histogram);

/// An object for each sample of each thread (MeasurementPlan::every_sample), ascending.
[[nodiscard]] std::string latency_samples_json(const latency::Report& report);

}  // namespace brink::sink
