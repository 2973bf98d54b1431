// SPDX-License-Identifier: Apache-2.0
// Moments as people write them: how long ago, or a date and time.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.hpp"

namespace brink::app {

/// "2h" (so long ago; also d for days), "2026-11-20", "2026-11-20 09:30", "09:30:15" (today), each in local time or, with
/// a Z at its end, in UTC; "@1795166999" (seconds since the epoch). In nanoseconds since the epoch. `option` is for the
/// error.
[[nodiscard]] Result<std::int64_t> parse_moment(std::string_view option, std::string_view text,
                                                std::int64_t now_ns);

}  // namespace brink::app
