// SPDX-License-Identifier: Apache-2.0
// History: the events that a daemon has seen, in a file of SQLite (WAL), bounded by size and age. What is committed
// survives kill -9. A disk that is full is an error of that batch alone; a file that is damaged is set aside and a new
// one begun.
//
// Every entry has a number, counted from 1 and never used twice, also across files: a reader that finds a gap knows how
// many entries it has missed, because they could not be written or are trimmed already.
//
// One thread (HistoryWriter is what a daemon uses). Readers: store/history_reader.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "brink/event.hpp"
#include "store/database.hpp"
#include "store/history_query.hpp"

namespace brink::store {

struct HistoryOptions {
    std::string path = kDefaultHistory;  ///< its folder exists
    std::uint64_t max_bytes = 64ULL
                              << 20;      ///< of entries; the file and its log are a little larger
    std::chrono::hours max_age{24 * 30};  ///< older entries go; 0: whatever their age
    std::chrono::seconds clock_steady{3600};  ///< so long before a clock that was set is believed
};

/// What is kept of an event: its JSON line, and what it can be found by.
struct HistoryEntry {
    HistoryEntry(const Event& event, std::string line);

    std::uint64_t number = 0;
    std::int64_t time_ns = 0;
    EventType type;
    std::string resource;
    std::string comm;
    std::string unit_name;
    std::string cgroup;
    std::optional<std::int32_t> pid;
    std::optional<std::uint32_t> uid;
    std::string json;
};

class History {
  public:
    /// Opens or begins the file. A damaged one is renamed to PATH.damaged (over the one before), which remark() says.
    /// Errors: the folder cannot be written; the disk is full.
    [[nodiscard]] static Result<std::unique_ptr<History>> open(const HistoryOptions& options);

    /// The number that the next entry should have.
    [[nodiscard]] std::uint64_t next_number() const { return next_number_; }

    /// Writes all of `entries` or none of them, then trims. REQUIRES: numbers ascend from next_number(). Errors: the disk
    /// is full or fails, a reader keeps the log from being emptied.
    [[nodiscard]] Result<void> append(std::span<const HistoryEntry> entries);

    /// What has happened to the file since it was asked last, one sentence; empty if nothing.
    [[nodiscard]] std::string take_remark() { return std::exchange(remark_, {}); }

    [[nodiscard]] std::uint64_t bytes();    ///< of the file that entries take
    [[nodiscard]] std::uint64_t entries();  ///< that are there

  private:
    explicit History(HistoryOptions options) : options_(std::move(options)) {}
    [[nodiscard]] Result<void> open_file();
    [[nodiscard]] Result<void> begin_anew(const std::string& damage);
    [[nodiscard]] Result<void> set_up();
    [[nodiscard]] Result<void> prepare();
    [[nodiscard]] bool damaged();
    [[nodiscard]] Result<void> write(std::span<const HistoryEntry> entries);
    [[nodiscard]] int insert(const HistoryEntry& entry);
    [[nodiscard]] Result<void> bound_log();
    void empty_log();
    void trim(std::size_t written);
    void trim_by_age(std::size_t at_most);
    [[nodiscard]] bool clock_is_steady();
    void ring(std::uint64_t number);

    HistoryOptions options_;
    Database database_;
    Statement insert_;
    Fd bell_;
    std::uint64_t next_number_ = 1;
    std::string remark_;
    std::int64_t clock_offset_ns_ = 0;  // CLOCK_REALTIME less CLOCK_BOOTTIME
    std::int64_t steady_since_ns_ = 0;  // CLOCK_BOOTTIME
};

/// The file beside a history that is written to whenever something was committed: for inotify(7).
[[nodiscard]] std::string bell_of(const std::string& history_path);

}  // namespace brink::store
