// SPDX-License-Identifier: Apache-2.0
// HistoryReader: the events of a history that another process may be writing: those that a query asks for, in the order in
// which they were written, and what comes after. It writes nothing, and holds no lock while its caller is busy with what it
// was handed: a slow reader is no trouble to the writer.
//
// One thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "store/database.hpp"
#include "store/history_query.hpp"

namespace brink::store {

struct HistoryRow {
    std::uint64_t number = 0;
    std::string json;
};

class HistoryReader {
  public:
    /// Errors: there is no such file, it may not be read, it is no history.
    [[nodiscard]] static Result<HistoryReader> open(const std::string& path);

    /// Hands over the rows with a number above `after`; stops early where the answer is false. The number of the last row
    /// that was looked at comes back: what a later read continues after.
    [[nodiscard]] Result<std::uint64_t> read(const HistoryQuery& query, std::uint64_t after,
                                             const std::function<bool(const HistoryRow&)>& take);

    /// The number of the newest entry; 0 where there is none.
    [[nodiscard]] std::uint64_t newest();
    /// How many entries between the oldest and the newest could not be written.
    [[nodiscard]] std::uint64_t missing();

    /// Makes fd() tell of new entries. What was committed before is not told of: read() again after it.
    [[nodiscard]] Result<void> follow();
    /// Readable (epoll, level-triggered) when something was committed. REQUIRES: follow() has succeeded.
    [[nodiscard]] int fd() const { return inotify_.get(); }
    /// Takes what fd() had to tell; opens the file anew where the writer has begun another one.
    [[nodiscard]] Result<void> take_news();

  private:
    explicit HistoryReader(std::string path) : path_(std::move(path)) {}
    [[nodiscard]] Result<void> open_file();
    [[nodiscard]] Error damage() const;

    std::string path_;
    Database database_;
    ino_t inode_ = 0;
    Fd inotify_;
};

/// The number of the newest entry of a history that was ever written; 0 where that cannot be read. Touches the file beside
/// the history only.
[[nodiscard]] std::uint64_t newest_written(const std::string& history_path);

}  // namespace brink::store
