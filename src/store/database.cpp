// SPDX-License-Identifier: Apache-2.0
#include "store/database.hpp"

#include <fmt/format.h>

#include <cstring>

namespace brink::store {

Result<Database> Database::open(const std::string& path, int flags) {
    Database database;
    const int code = ::sqlite3_open_v2(path.c_str(), &database.handle_, flags, nullptr);
    ::sqlite3_extended_result_codes(database.handle_, 1);
    if (code == SQLITE_OK) return database;
    return fail(fmt::format("{}: {}", path, database.message()), code);
}

int Database::run(const char* sql) {
    return ::sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) & 0xff;
}

std::int64_t Database::number(const char* sql) {
    Statement statement(*this, sql);
    return statement.step() == SQLITE_ROW ? statement.integer(0) : 0;
}

std::string Database::message() const {
    if (!handle_) return "out of memory";
    std::string text = fmt::format("{} ({})", ::sqlite3_errmsg(handle_), code());
    if (const int error = ::sqlite3_system_errno(handle_))
        text.append(": ").append(std::strerror(error));
    return text;
}

Statement::Statement(const Database& database, std::string_view sql) {
    error_ = ::sqlite3_prepare_v2(database.handle(), sql.data(), static_cast<int>(sql.size()),
                                  &handle_, nullptr);
}

void Statement::bind(int parameter, std::string_view text) {
    if (text.empty())
        ::sqlite3_bind_null(handle_, parameter);
    else
        ::sqlite3_bind_text(handle_, parameter, text.data(), static_cast<int>(text.size()),
                            SQLITE_STATIC);
}

std::string Statement::text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(::sqlite3_column_text(handle_, column));
    if (!bytes) return {};
    return {bytes, static_cast<std::size_t>(::sqlite3_column_bytes(handle_, column))};
}

}  // namespace brink::store
