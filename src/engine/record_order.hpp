// SPDX-License-Identifier: Apache-2.0
// RecordOrder: puts the records of each tally back into the order of their numbers, which the ring buffer keeps
// on one CPU but not between two, and says what is missing: LOST where records found no room, EXIT for a subject
// whose own was among them.
//
// One thread. At most 16384 records of a tally wait for one that is late; then they are handed over without it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>

#include "engine/record_source.hpp"

namespace brink::engine {

class RecordOrder {
  public:
    using Reader = RecordSource::Reader;
    /// A tally as the hooks see it now.
    using Tally = std::function<const brink_tally&(std::uint32_t id)>;

    explicit RecordOrder(Tally tally) : tally_(std::move(tally)) {}

    /// A subject of which no record has come yet: `known` is what is known of it (its tally, generation, pid...).
    void begin(const brink_record& known);

    /// The next record from the ring. Calls `reader` with what is in order, the stack with its record.
    void take(const brink_record& record, const Reader& reader);
    void take(const brink_stack_record& stack, const Reader& reader);

    /// Some record of some tally found no room. Hands over what waits for it. Whether the present state of tally
    /// `id` is to be said: one of its records is missing, and that has not been followed by its state yet.
    [[nodiscard]] bool close_gap(std::uint32_t id, const Reader& reader);

    /// Nothing more is to be said of tally `id`.
    void forget(std::uint32_t id);

    /// Ends the subjects whose EXIT is missing: their tally has another owner, or none.
    void end_the_gone(const Reader& reader);

    /// Whether records wait for one that is late.
    [[nodiscard]] bool waiting() const { return held_ > 0; }

  private:
    struct Held {
        brink_record record;
        std::unique_ptr<brink_stack_record> stack;
    };
    struct Stream {  // the records of one tally
        std::uint32_t generation = 0;
        std::uint16_t next = 0;     // number of the next record to hand over
        bool state_due = false;     // a gap was said, the present state was not
        bool gap = false;           // it is not known which: whichever comes next is the next
        std::uint64_t dropped = 0;  // records that have been said to be lost
        brink_record last{};        // handed over; at first what is known
        std::deque<Held> held;      // came before their turn
        std::unique_ptr<brink_stack_record> stack;  // waits for the record it belongs to
    };

    [[nodiscard]] Stream& stream_of(std::uint32_t tally, std::uint32_t generation,
                                    const Reader& reader);
    [[nodiscard]] std::uint64_t unsaid(const Stream& stream, const brink_record& record) const;
    [[nodiscard]] bool is_overtaken(const Stream& stream, const brink_record& record) const;
    void say_lost(Stream& stream, const brink_record& before, std::uint64_t count,
                  const Reader& reader);
    [[nodiscard]] bool is_gap(Stream& stream, const brink_record& record, const Reader& reader);
    void hand_over(Stream& stream, const brink_record& record,
                   std::unique_ptr<brink_stack_record> stack, const Reader& reader);
    void flush(Stream& stream, const Reader& reader);
    void end(Stream& stream, const Reader& reader);

    Tally tally_;
    std::unordered_map<std::uint32_t, Stream> streams_;  // by tally
    std::size_t held_ = 0;
};

}  // namespace brink::engine
