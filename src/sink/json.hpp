// SPDX-License-Identifier: Apache-2.0
// Events as JSON: the form of `-o json`, of the standard input of exec actions, and of the history.
// docs/event.schema.json describes it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "brink/event.hpp"

namespace brink::sink {

/// One JSON object on one line, without a line end. Always valid RFC 8259 and valid UTF-8,
/// whatever bytes the event's strings hold. Safe from any thread.
[[nodiscard]] std::string to_json(const Event& event);

/// The field "culprit" of an event, in itself.
[[nodiscard]] std::string culprit_json(const Culprit& culprit);

/// The value of the field "type": "crossing", "limit_changed", …
[[nodiscard]] std::string_view type_name(EventType type);
/// The way back; nullopt if there is no such type.
[[nodiscard]] std::optional<EventType> type_from_name(std::string_view name);
/// All of them, in the order of EventType.
[[nodiscard]] std::span<const std::string_view> type_names();

/// RFC 3339 in UTC with nine decimals: "2026-11-20T09:30:00.123456789Z".
[[nodiscard]] std::string utc_time(std::int64_t time_ns);

}  // namespace brink::sink
