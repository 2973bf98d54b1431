// SPDX-License-Identifier: Apache-2.0
// Events for the tests of the history, and what an independent connection of SQLite finds in the file.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "brink/event.hpp"
#include "store/database.hpp"
#include "store/history.hpp"

namespace brink::store {

constexpr std::int64_t kBeginNs = 1'795'166'999'000'000'000;

inline Event sample_event(int i) {
    Event event;
    event.type = i % 2 == 0 ? EventType::crossing : EventType::exit;
    event.time_ns = kBeginNs + i * 1'000'000'000LL;
    event.resource = i % 3 == 0 ? "as" : "nofile";
    event.pid = 1000 + i % 4;
    event.uid = 30 + static_cast<std::uint32_t>(i % 2);
    event.comm = i % 4 == 0 ? "leaky" : "other";
    event.unit_name = "web.service";
    event.cgroup = i % 2 == 0 ? "/system.slice/web.service" : "/system.slice/web.service2";
    return event;
}

inline std::string sample_line(int i, std::size_t bytes = 0) {
    return fmt::format("{{\"i\":{}{}}}", i, std::string(bytes, ' '));
}

inline std::vector<HistoryEntry> sample_entries(History& history, int first, int n,
                                                std::size_t bytes = 0) {
    std::vector<HistoryEntry> entries;
    for (int i = first; i < first + n; ++i) {
        entries.emplace_back(sample_event(i), sample_line(i, bytes));
        entries.back().number = history.next_number() + static_cast<std::uint64_t>(i - first);
    }
    return entries;
}

/// One number from the file, by a connection of the test's own.
inline std::int64_t ask(const std::string& path, const char* sql) {
    auto database = Database::open(path, SQLITE_OPEN_READONLY);
    return database ? database->number(sql) : -1;
}

inline bool intact(const std::string& path) {
    auto database = Database::open(path, SQLITE_OPEN_READONLY);
    if (!database) return false;
    Statement check(*database, "PRAGMA integrity_check");
    return check.step() == SQLITE_ROW && check.text(0) == "ok";
}

}  // namespace brink::store
