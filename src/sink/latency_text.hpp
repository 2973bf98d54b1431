// SPDX-License-Identifier: Apache-2.0
// How `brink latency` shows a report to people: a table of threads, one of parts, the latest wake-ups with what ran
// instead, and a plot of lines of characters.
#pragma once

#include <cstdint>
#include <string>

#include "brink/event.hpp"
#include "latency/measurement.hpp"
#include "sink/text_paint.hpp"

namespace brink::sink {

/// Lines with newlines. Without the worst (as of Measurement::look()) that block is left out.
[[nodiscard]] std::string latency_tables(const latency::Report& report, const TextStyle& style);

/// The distribution of `whole`: a line for each range, the bars on a logarithmic scale. `up_to_ns`: what is beyond is
/// one line; 0: no limit.
[[nodiscard]] std::string latency_plot(const latency::Histogram& whole, std::uint64_t up_to_ns,
                                       const TextStyle& style);

/// "cpu 1: spinner[77] 1.1ms, softirq net_rx 80us (3 times), self 2us": at most `most` items.
[[nodiscard]] std::string culprit_line(const Culprit& culprit, std::size_t most);

/// "fifo 80", "other".
[[nodiscard]] std::string policy_text(int policy, int priority);

}  // namespace brink::sink
