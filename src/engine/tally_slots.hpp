// SPDX-License-Identifier: Apache-2.0
// TallySlots: the numbers by which the sources in user space name tallies in records. A number is used again; its
// generation tells the owners apart.
#pragma once

#include <cstdint>
#include <vector>

namespace brink::engine {

struct TallySlot {
    std::uint32_t index = 0;
    std::uint32_t generation = 0;  ///< from 1
};

class TallySlots {
  public:
    [[nodiscard]] TallySlot take() {
        if (free_.empty()) {
            free_.push_back(static_cast<std::uint32_t>(generations_.size()));
            generations_.push_back(0);
        }
        const std::uint32_t index = free_.back();
        free_.pop_back();
        return {index, ++generations_[index]};
    }

    void give_back(std::uint32_t index) { free_.push_back(index); }

  private:
    std::vector<std::uint32_t> generations_;  // by index
    std::vector<std::uint32_t> free_;
};

}  // namespace brink::engine
