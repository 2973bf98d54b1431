// SPDX-License-Identifier: Apache-2.0
// brink: reads the command line and hands over to the subcommand.
#include <cstdio>
#include <variant>

#include "commands.hpp"

namespace brink::app {
namespace {

struct Dispatch {
    int operator()(const RunOptions& options) const { return run_command(options); }
    int operator()(const WatchOptions& options) const { return watch_command(options); }
    int operator()(const TopOptions& options) const { return top_command(options); }
    int operator()(const LimitsOptions& options) const { return limits_command(options); }
    int operator()(const LatencyOptions& options) const { return latency_command(options); }
    int operator()(const DoctorOptions& options) const { return doctor_command(options); }
    int operator()(const EventsOptions& options) const { return events_command(options); }
    int operator()(const StatusOptions& options) const { return status_command(options); }
    int operator()(const TestSinkOptions& options) const { return test_sink_command(options); }
    int operator()(const Stop& stop) const {
        std::fwrite(stop.out.data(), 1, stop.out.size(), stdout);
        std::fwrite(stop.err.data(), 1, stop.err.size(), stderr);
        if (std::fflush(stdout) == 0) return stop.status;
        std::perror("brink: standard output");
        return stop.status == 0 ? 1 : stop.status;
    }
};

}  // namespace
}  // namespace brink::app

int main(int argc, char** argv) {
    return std::visit(brink::app::Dispatch{}, brink::app::parse_command_line(argc, argv));
}
