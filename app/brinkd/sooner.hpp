// SPDX-License-Identifier: Apache-2.0
// Time-outs of poll(2), in milliseconds, where -1 is never.
#pragma once

#include <algorithm>

namespace brink::app {

[[nodiscard]] inline int sooner(int a, int b) {
    if (a < 0) return b;
    return b < 0 ? a : std::min(a, b);
}

}  // namespace brink::app
