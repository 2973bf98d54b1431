// SPDX-License-Identifier: Apache-2.0
// BackOff: how long to wait before the next attempt: twice as long after each failure, up to a bound, and each time shortened
// at random by up to a half, so that many machines do not come back to one receiver at the same moment.
#pragma once

#include <algorithm>
#include <random>

namespace brink::relay {

class BackOff {
  public:
    /// REQUIRES: 0 < shortest_ms <= longest_ms.
    BackOff(int shortest_ms, int longest_ms, unsigned seed)
        : shortest_ms_(shortest_ms), longest_ms_(longest_ms), random_(seed) {}

    [[nodiscard]] int next_ms() {
        const int full = wait_ms_ = std::clamp(wait_ms_ > longest_ms_ / 2 ? longest_ms_
                                                                          : 2 * wait_ms_,
                                               shortest_ms_, longest_ms_);
        return std::uniform_int_distribution(full - full / 2, full)(random_);
    }

    void reset() { wait_ms_ = 0; }

  private:
    int shortest_ms_;
    int longest_ms_;
    int wait_ms_ = 0;
    std::mt19937 random_;
};

}  // namespace brink::relay
