// SPDX-License-Identifier: Apache-2.0
// Backlog: what one output has still to get: the entries of the history behind its cursor, a bounded number of them in
// memory. Entries that it does not want are passed over; a gap in the numbers becomes an event `lost`.
//
// One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "output/output.hpp"
#include "relay/configuration.hpp"
#include "store/history_reader.hpp"

namespace brink::relay {

/// "engine" of the events that the relay itself makes.
inline constexpr std::string_view kRelayEngine = "relay";

class Backlog {
  public:
    /// REQUIRES: `route` outlives the object.
    Backlog(const Route& route, const std::string& host) : route_(route), host_(host) {}

    /// Goes on behind entry `cursor`; nullopt: with the oldest that there is.
    void begin(store::HistoryReader& reader, std::optional<std::uint64_t> cursor);

    /// Reads on where nothing is left in memory.
    [[nodiscard]] Result<void> refill(store::HistoryReader& reader);

    /// The next entries, at most so many.
    [[nodiscard]] std::vector<output::Entry> next(std::size_t most) const;

    /// The first `entries` are done with.
    void remove(std::size_t entries);

    /// Puts an event `lost` before all others: so many that the receiver refused are missing.
    void say_refused(std::uint64_t entries);

    /// The number up to which everything is done with.
    [[nodiscard]] std::uint64_t cursor() const { return cursor_; }
    /// What was missing in the history, since it was asked last.
    [[nodiscard]] std::uint64_t take_missed() { return std::exchange(missed_, 0); }
    /// An entry that is no event that is known here; empty if there was none since it was asked last.
    [[nodiscard]] std::string take_remark() { return std::exchange(remark_, {}); }

  private:
    void add(const store::HistoryRow& row);
    [[nodiscard]] output::Entry lost_entry(std::uint64_t number, std::uint64_t lost) const;

    const Route& route_;
    std::string host_;
    std::deque<output::Entry> entries_;
    std::uint64_t cursor_ = 0;
    std::uint64_t read_to_ = 0;  // the number that was looked at last
    bool expects_next_ = false;  // a gap behind read_to_ is a loss
    std::uint64_t missed_ = 0;
    std::string remark_;
};

}  // namespace brink::relay
