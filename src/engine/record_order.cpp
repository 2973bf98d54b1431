// SPDX-License-Identifier: Apache-2.0
#include "engine/record_order.hpp"

#include <algorithm>
#include <utility>

#include "base/clock.hpp"

namespace brink::engine {
namespace {

// A CPU that stands still (a virtual one may) between deciding on a record and writing it lets the others
// run ahead. What is missing comes, or is counted as dropped; less than half of the 65536 numbers.
constexpr std::size_t kMaxHeld = 16384;

}  // namespace

void RecordOrder::begin(const brink_record& known) {
    Stream& stream = streams_[known.tally] = Stream{};
    stream.generation = known.generation;
    stream.last = known;
}

RecordOrder::Stream& RecordOrder::stream_of(std::uint32_t tally, std::uint32_t generation,
                                            const Reader& reader) {
    Stream& stream = streams_[tally];
    if (stream.generation != generation) {
        end(stream, reader);
        stream = Stream{};
        stream.generation = generation;
    }
    return stream;
}

void RecordOrder::take(const brink_stack_record& stack, const Reader& reader) {
    stream_of(stack.tally, stack.generation, reader).stack = std::make_unique<brink_stack_record>(
        stack);
}

void RecordOrder::take(const brink_record& record, const Reader& reader) {
    Stream& stream = stream_of(record.tally, record.generation, reader);
    std::unique_ptr<brink_stack_record> stack;
    if (stream.stack && stream.stack->number == record.number) stack = std::move(stream.stack);
    if (is_overtaken(stream, record)) {
        reader(record, stack.get());
        return;
    }
    if (record.number != stream.next && !stream.gap && !is_gap(stream, record, reader)) {
        stream.held.push_back(Held{record, std::move(stack)});
        ++held_;
        if (stream.held.size() > kMaxHeld) flush(stream, reader);
        return;
    }
    stream.gap = false;
    hand_over(stream, record, std::move(stack), reader);
}

// Records of this stream that found no room and were not said to be lost.
std::uint64_t RecordOrder::unsaid(const Stream& stream, const brink_record& record) const {
    const brink_tally& tally = tally_(record.tally);
    return tally.generation == record.generation ? tally.dropped - stream.dropped : 0;
}

void RecordOrder::say_lost(Stream& stream, const brink_record& before, std::uint64_t count,
                           const Reader& reader) {
    brink_record lost = before;
    lost.type = BRINK_RECORD_LOST;
    lost.usage = count;
    stream.dropped += count;
    stream.state_due = true;
    reader(lost, nullptr);
}

// Whether others that came after `record` have been handed over without it.
bool RecordOrder::is_overtaken(const Stream& stream, const brink_record& record) const {
    const auto step = static_cast<std::uint16_t>(record.number - stream.next);
    return step > 65535 - 2 * kMaxHeld && unsaid(stream, record) < step;
}

// Whether the numbers before `record` were dropped, rather than being late from another CPU: then
// that is said here, where they are missing. Numbers are modulo 65536, the count of drops is not.
bool RecordOrder::is_gap(Stream& stream, const brink_record& record, const Reader& reader) {
    const std::uint64_t missing = unsaid(stream, record);
    const auto step = static_cast<std::uint16_t>(record.number - stream.next);
    if (missing < step || !stream.held.empty()) return false;
    say_lost(stream, record, step + (missing - step) / 65536 * 65536, reader);
    return true;
}

void RecordOrder::hand_over(Stream& stream, const brink_record& record,
                            std::unique_ptr<brink_stack_record> stack, const Reader& reader) {
    brink_record current = record;
    while (true) {
        stream.next = static_cast<std::uint16_t>(current.number + 1);
        stream.last = current;
        reader(current, stack.get());
        if (current.type == BRINK_RECORD_RESYNC) stream.state_due = false;
        if (current.type == BRINK_RECORD_EXIT) {
            streams_.erase(current.tally);
            return;
        }
        const auto waiting = std::find_if(stream.held.begin(), stream.held.end(),
                                          [&](const Held& held) {
                                              return held.record.number == stream.next;
                                          });
        if (waiting == stream.held.end()) return;
        current = waiting->record;
        stack = std::move(waiting->stack);
        stream.held.erase(waiting);
        --held_;
    }
}

bool RecordOrder::close_gap(std::uint32_t id, const Reader& reader) {
    const brink_tally& tally = tally_(id);
    if (!tally.dropped) return false;
    Stream& stream = stream_of(id, tally.generation, reader);
    if (stream.dropped == tally.dropped && !stream.state_due) return false;
    flush(stream, reader);
    return true;
}

// Hands over what is held of a tally, with what is missing between. Where more is missing than was dropped,
// something is late: then whatever comes next is taken as next.
void RecordOrder::flush(Stream& stream, const Reader& reader) {
    std::deque<Held> all = std::exchange(stream.held, {});
    held_ -= all.size();
    // Not by number: numbers wrap.
    std::stable_sort(all.begin(), all.end(), [](const Held& a, const Held& b) {
        return a.record.monotonic_ns < b.record.monotonic_ns;
    });
    for (const Held& held : all) {
        const auto step = static_cast<std::uint16_t>(held.record.number - stream.next);
        const std::uint64_t lost = std::min<std::uint64_t>(step, unsaid(stream, held.record));
        if (lost > 0) say_lost(stream, held.record, lost, reader);
        stream.gap = stream.gap || lost < step;
        stream.next = static_cast<std::uint16_t>(held.record.number + 1);
        stream.last = held.record;
        reader(held.record, held.stack.get());
    }
}

void RecordOrder::forget(std::uint32_t id) {
    const auto found = streams_.find(id);
    if (found == streams_.end()) return;
    held_ -= found->second.held.size();
    streams_.erase(found);
}

void RecordOrder::end_the_gone(const Reader& reader) {
    for (auto at = streams_.begin(); at != streams_.end();) {
        if (tally_(at->first).generation == at->second.generation) {
            ++at;
            continue;
        }
        end(at->second, reader);
        at = streams_.erase(at);
    }
}

// Hands over what is held, and says EXIT if nobody has.
void RecordOrder::end(Stream& stream, const Reader& reader) {
    flush(stream, reader);
    brink_record record = stream.last;
    if (record.tally == 0 || record.type == BRINK_RECORD_EXIT) return;
    record.type = BRINK_RECORD_EXIT;
    record.usage = record.tid = record.ns_tid = record.errno_value = 0;
    record.monotonic_ns = monotonic_now_ns();
    reader(record, nullptr);
}

}  // namespace brink::engine
