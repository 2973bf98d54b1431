// SPDX-License-Identifier: Apache-2.0
// SharedRecords: what the sources of subjects that are no process have in common: the queue of their records, and whose
// tally is whose.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "engine/record_source.hpp"
#include "engine/tally_slots.hpp"

namespace brink::engine {

class SharedRecords {
  public:
    /// A tally for `subject`.
    [[nodiscard]] TallySlot add(resource::Subject subject);

    /// Its subject is gone. It is known until what is queued has been handed over.
    void end(TallySlot slot) { ended_.push_back(slot.index); }

    /// Queues `record` of tally `slot` and watch number `watch`; it happens now.
    void queue(TallySlot slot, std::uint32_t watch, const brink_record& record);

    [[nodiscard]] bool waiting() const { return !queue_.empty(); }
    [[nodiscard]] const resource::Subject* subject_of(std::uint32_t tally) const;

    /// Hands over what is queued.
    void hand_over(const RecordSource::Reader& reader);

  private:
    TallySlots slots_;
    std::unordered_map<std::uint32_t, resource::Subject> subjects_;
    std::deque<brink_record> queue_;
    std::vector<std::uint32_t> ended_;
};

}  // namespace brink::engine
