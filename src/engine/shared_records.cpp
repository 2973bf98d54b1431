// SPDX-License-Identifier: Apache-2.0
#include "engine/shared_records.hpp"

#include <utility>

#include "base/clock.hpp"

namespace brink::engine {

TallySlot SharedRecords::add(resource::Subject subject) {
    const TallySlot slot = slots_.take();
    subjects_.insert_or_assign(slot.index, std::move(subject));
    return slot;
}

void SharedRecords::queue(TallySlot slot, std::uint32_t watch, const brink_record& record) {
    brink_record& queued = queue_.emplace_back(record);
    queued.tally = slot.index;
    queued.generation = slot.generation;
    queued.watch = watch;
    queued.monotonic_ns = monotonic_now_ns();
}

const resource::Subject* SharedRecords::subject_of(std::uint32_t tally) const {
    const auto found = subjects_.find(tally);
    return found == subjects_.end() ? nullptr : &found->second;
}

void SharedRecords::hand_over(const RecordSource::Reader& reader) {
    // The reader may cause more: from queues of our own.
    std::deque<brink_record> ready;
    ready.swap(queue_);
    const std::vector<std::uint32_t> ended = std::exchange(ended_, {});
    for (const brink_record& record : ready) reader(record, nullptr);
    for (const std::uint32_t tally : ended) {
        subjects_.erase(tally);
        slots_.give_back(tally);
    }
}

}  // namespace brink::engine
