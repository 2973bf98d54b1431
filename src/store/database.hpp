// SPDX-License-Identifier: Apache-2.0
// Database, Statement: a connection of SQLite and what is prepared on it, closed and finalized by themselves. The codes
// are SQLite's own (SQLITE_OK, SQLITE_ROW …), as callers decide by them.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace brink::store {

class Database {
  public:
    Database() = default;
    Database(Database&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Database& operator=(Database&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~Database() { ::sqlite3_close_v2(handle_); }

    /// `flags`: SQLITE_OPEN_…. The error's code is SQLite's.
    [[nodiscard]] static Result<Database> open(const std::string& path, int flags);

    /// Runs statements that give no rows, or whose rows do not matter. SQLite's code.
    [[nodiscard]] int run(const char* sql);
    /// The first column of the first row; 0 where there is none.
    [[nodiscard]] std::int64_t number(const char* sql);

    /// "database or disk is full (13): No space left on device": what went wrong last.
    [[nodiscard]] std::string message() const;
    /// The extended code of what went wrong last.
    [[nodiscard]] int code() const { return ::sqlite3_extended_errcode(handle_); }

    [[nodiscard]] sqlite3* handle() const { return handle_; }
    [[nodiscard]] explicit operator bool() const { return handle_ != nullptr; }

  private:
    sqlite3* handle_ = nullptr;
};

/// Parameters and columns as in SQLite: the former count from 1, the latter from 0. A statement that could not be
/// prepared steps to the code of that error.
class Statement {
  public:
    Statement() = default;
    Statement(const Database& database, std::string_view sql);
    Statement(Statement&& other) noexcept
        : handle_(std::exchange(other.handle_, nullptr)), error_(other.error_) {}
    Statement& operator=(Statement&& other) noexcept {
        std::swap(handle_, other.handle_);
        error_ = other.error_;
        return *this;
    }
    ~Statement() { ::sqlite3_finalize(handle_); }

    void bind(int parameter, std::int64_t value) {
        ::sqlite3_bind_int64(handle_, parameter, value);
    }
    /// Empty text becomes NULL. REQUIRES: `text` lives until the next step().
    void bind(int parameter, std::string_view text);

    [[nodiscard]] int step() { return handle_ ? ::sqlite3_step(handle_) : error_; }
    void reset() {
        ::sqlite3_reset(handle_);
        ::sqlite3_clear_bindings(handle_);
    }

    [[nodiscard]] std::int64_t integer(int column) const {
        return ::sqlite3_column_int64(handle_, column);
    }
    [[nodiscard]] std::string text(int column) const;

  private:
    sqlite3_stmt* handle_ = nullptr;
    int error_ = SQLITE_MISUSE;
};

}  // namespace brink::store
