// SPDX-License-Identifier: Apache-2.0
#include "relay/backlog.hpp"

#include <algorithm>
#include <utility>

#include "base/clock.hpp"
#include "kernel/procfs.hpp"
#include "sink/json.hpp"
#include "sink/json_event.hpp"

namespace brink::relay {
namespace {

constexpr std::size_t kMostEntries = 256;
constexpr std::size_t kMostBytes = 1 << 20;

}  // namespace

void Backlog::begin(store::HistoryReader& reader, std::optional<std::uint64_t> cursor) {
    const std::uint64_t newest = reader.newest();
    // Numbers are never used twice by a history, so this is another one.
    const bool another = cursor && newest > 0 && newest < *cursor;
    if (another) remark_ = "the history has begun anew; all of it is delivered";
    expects_next_ = cursor && !another;
    cursor_ = read_to_ = expects_next_ ? *cursor : 0;
    entries_.clear();
}

Result<void> Backlog::refill(store::HistoryReader& reader) {
    std::size_t bytes = 0;
    const auto read_to = reader.read({}, read_to_, [&](const store::HistoryRow& row) {
        add(row);
        bytes += row.json.size();
        return entries_.size() < kMostEntries && bytes < kMostBytes;
    });
    if (!read_to) return tl::unexpected(read_to.error());
    if (entries_.empty()) cursor_ = read_to_;
    return {};
}

void Backlog::add(const store::HistoryRow& row) {
    if (expects_next_ && row.number > read_to_ + 1) {
        const std::uint64_t lost = row.number - read_to_ - 1;
        missed_ += lost;
        entries_.push_back(lost_entry(row.number - 1, lost));
    }
    read_to_ = row.number;
    expects_next_ = true;
    auto event = sink::event_from_json(row.json);
    if (!event)
        remark_ = event.error().message;
    else if (route_.wants(*event))
        entries_.push_back({row.number, std::move(*event), row.json});
}

// It belongs to no monitor: its `seq` is the number of the last entry that is missing.
output::Entry Backlog::lost_entry(std::uint64_t number, std::uint64_t lost) const {
    Event event;
    event.type = EventType::lost;
    event.time_ns = clock_ns(CLOCK_REALTIME);
    event.monotonic_ns = monotonic_now_ns();
    event.seq = number;
    event.engine = kRelayEngine;
    event.host = host_;
    event.boot_id = kernel::Procfs().boot_id();
    event.lost = lost;
    std::string json = sink::to_json(event);
    return {number, std::move(event), std::move(json)};
}

std::vector<output::Entry> Backlog::next(std::size_t most) const {
    const auto end = entries_.begin() +
                     static_cast<std::ptrdiff_t>(std::min(most, entries_.size()));
    return {entries_.begin(), end};
}

void Backlog::remove(std::size_t entries) {
    entries = std::min(entries, entries_.size());
    if (entries == 0) return;
    const auto end = entries_.begin() + static_cast<std::ptrdiff_t>(entries);
    cursor_ = std::max(cursor_, (end - 1)->number);
    entries_.erase(entries_.begin(), end);
    if (entries_.empty()) cursor_ = read_to_;
}

void Backlog::say_refused(std::uint64_t entries) {
    entries_.push_front(lost_entry(cursor_, entries));
}

}  // namespace brink::relay
