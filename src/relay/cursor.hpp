// SPDX-License-Identifier: Apache-2.0
// Cursor: up to which entry of the history an output is done, kept in a small file. The file never grows after it was
// created, so that the place is kept on a full disk, too; it has two records that are written in turn, so that one is whole
// whenever the machine stops.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace brink::relay {

class Cursor {
  public:
    /// Opens the file, or creates it. Errors: its folder cannot be written, the disk is full.
    [[nodiscard]] static Result<Cursor> open(const std::string& path);

    /// What was saved last; nullopt in a new file, or in one that has no whole record.
    [[nodiscard]] std::optional<std::uint64_t> number() const { return number_; }

    /// On the disk when it returns.
    [[nodiscard]] Result<void> save(std::uint64_t number);

  private:
    Cursor(std::string path, Fd file) : path_(std::move(path)), file_(std::move(file)) {}
    void load();

    std::string path_;
    Fd file_;
    std::optional<std::uint64_t> number_;
    std::uint64_t generation_ = 0;  // of the newest record
};

}  // namespace brink::relay
