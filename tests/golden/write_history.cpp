// SPDX-License-Identifier: Apache-2.0
// write_history FILE: writes the events that come as JSON lines on standard input into a history, as brinkd would; for
// cases of `brink events`. A line that is a number N leaves N numbers out, as events that could not be written do.
#include <charconv>
#include <iostream>
#include <string>

#include "sink/json_event.hpp"
#include "store/history.hpp"

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    brink::store::HistoryOptions options;
    options.path = argv[1];
    options.max_age = std::chrono::hours(0);
    auto history = brink::store::History::open(options);
    if (!history) return std::cerr << history.error().message << "\n", 1;
    std::uint64_t left_out = 0;
    for (std::string line; std::getline(std::cin, line);) {
        if (line.find('{') == std::string::npos) {
            left_out += std::stoull(line);
            continue;
        }
        const auto event = brink::sink::event_from_json(line);
        if (!event) return std::cerr << event.error().message << "\n", 1;
        brink::store::HistoryEntry entry(*event, line);
        entry.number = (*history)->next_number() + left_out;
        left_out = 0;
        const std::span entries(&entry, 1);
        if (auto written = (*history)->append(entries); !written)
            return std::cerr << written.error().message << "\n", 1;
    }
}
