// SPDX-License-Identifier: Apache-2.0
// HistoryQuery: which events of a history are asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "brink/event.hpp"

namespace brink::store {

inline constexpr const char* kDefaultHistory = "/var/lib/brink/events.db";

/// What does not apply is empty; all that is there must hold.
struct HistoryQuery {
    std::optional<std::int64_t> since_ns;  ///< CLOCK_REALTIME, at or after it
    std::optional<std::int64_t> until_ns;  ///< before it
    std::vector<std::string> resources;    ///< any of them
    std::vector<EventType> types;          ///< any of them
    std::optional<std::int32_t> pid;
    std::optional<std::uint32_t> uid;
    std::string comm;
    std::string unit_name;
    std::string cgroup;                 ///< it and those below it
    std::optional<std::uint64_t> last;  ///< only so many, the newest; at least 1
};

}  // namespace brink::store
