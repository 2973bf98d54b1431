// SPDX-License-Identifier: Apache-2.0
// HistoryWriter: a History on a thread of its own, because a disk may take its time and events do not wait. Entries that come
// while a batch is written are the next batch: no timer, and no wake-up while nothing happens.
//
// Where the disk is full, entries wait (a bounded number, the oldest go) and are tried again with the next one. What could
// not be written is counted, and missing in the numbers.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "store/history.hpp"

namespace brink::store {

struct HistoryCounters {
    std::uint64_t written = 0;
    std::uint64_t dropped = 0;  ///< found no room in the queue, so far
    std::uint64_t waiting = 0;
    std::string problem;  ///< why nothing can be written at present; empty if it can
};

/// All members may be called from the thread that owns it; the thread inside is its own business.
class HistoryWriter {
  public:
    /// The file is opened by the thread: a problem with it is a notice, not an error. Errors: no descriptor is left.
    [[nodiscard]] static Result<std::unique_ptr<HistoryWriter>> start(HistoryOptions options,
                                                                      std::size_t queue = 4096);
    /// Writes what waits, as far as that is possible.
    ~HistoryWriter();
    HistoryWriter(const HistoryWriter&) = delete;
    HistoryWriter& operator=(const HistoryWriter&) = delete;

    /// Never blocks on the disk. `json`: the event's line, without its end.
    void append(const Event& event, std::string json);

    /// Waits until what was appended so far is written or has been refused.
    void flush();

    [[nodiscard]] HistoryCounters counters() const;

    /// Readable (epoll, level-triggered) when there is a notice.
    [[nodiscard]] int fd() const { return notified_.get(); }
    /// One sentence each: what a person should know of the file. Said once when something begins or ends.
    [[nodiscard]] std::vector<std::string> take_notices();

  private:
    HistoryWriter(HistoryOptions options, std::size_t queue)
        : options_(std::move(options)), most_(queue) {}
    struct Batch {
        std::vector<HistoryEntry> entries;
        std::uint64_t dropped = 0;  ///< before them, since the start
        std::size_t written = 0;    ///< of them; the others are left in `entries`
    };
    void work();
    void write(Batch batch);
    [[nodiscard]] Result<void> try_to_write(Batch& batch);
    void put_back(std::vector<HistoryEntry> entries);
    void say(std::string notice);
    void say_outcome(const Result<void>& outcome);

    HistoryOptions options_;
    std::size_t most_;
    Fd notified_;

    mutable std::mutex mutex_;
    std::condition_variable more_;    // there are entries, or the end is asked for
    std::condition_variable idle_;    // a batch is done
    std::deque<HistoryEntry> queue_;  // all below: under mutex_
    std::vector<std::string> notices_;
    HistoryCounters counters_;
    std::uint64_t dropped_said_ = 0;
    bool untried_ = false;  // something was appended since the last attempt
    bool busy_ = true;      // the thread is opening or writing
    bool ending_ = false;

    std::unique_ptr<History> history_;  // the thread's
    std::uint64_t skipped_ = 0;  // the thread's: dropped entries whose numbers are left out already
    std::thread thread_;
};

}  // namespace brink::store
