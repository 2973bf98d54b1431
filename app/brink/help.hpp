// SPDX-License-Identifier: Apache-2.0
// What `--help` says. Written by hand, to be read by people; a unit test holds it against the
// options that exist.
#pragma once

#include <string>

namespace brink::app {

[[nodiscard]] std::string general_help();
[[nodiscard]] std::string run_help();
[[nodiscard]] std::string watch_help();
[[nodiscard]] std::string top_help();
[[nodiscard]] std::string limits_help();
[[nodiscard]] std::string latency_help();
[[nodiscard]] std::string doctor_help();
[[nodiscard]] std::string events_help();
[[nodiscard]] std::string status_help();
[[nodiscard]] std::string test_sink_help();

}  // namespace brink::app
