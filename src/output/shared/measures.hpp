// SPDX-License-Identifier: Apache-2.0
// What of an event is a number over time.
#pragma once

#include <string_view>
#include <vector>

#include "brink/event.hpp"

namespace brink::output {

struct Measure {
    std::string_view name;  ///< "usage", "limit", "headroom_ratio"
    double value = 0;
};

/// Usage; limit and what is left of it as a share, where there is one. Empty where the event has no usage.
[[nodiscard]] std::vector<Measure> measures_of(const Event& event);

}  // namespace brink::output
