// SPDX-License-Identifier: Apache-2.0
// The subcommands. Each prints what it has to say and returns brink's exit status.
#pragma once

#include "options.hpp"

namespace brink::app {

int run_command(const RunOptions& options);
int watch_command(const WatchOptions& options);
int top_command(const TopOptions& options);
int limits_command(const LimitsOptions& options);
int latency_command(const LatencyOptions& options);
int doctor_command(const DoctorOptions& options);
int events_command(const EventsOptions& options);
int status_command(const StatusOptions& options);
int test_sink_command(const TestSinkOptions& options);

}  // namespace brink::app
