// SPDX-License-Identifier: Apache-2.0
// The way back from a JSON line (sink/json.hpp) to the event: for what was kept in the history, or came from elsewhere.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "brink/event.hpp"

namespace brink::sink {

/// Fields that are not known are ignored: a newer brink may have written the line. Errors: it is no object, the type is
/// not known, a field has another type than it should.
[[nodiscard]] Result<Event> event_from_json(std::string_view line);

}  // namespace brink::sink
