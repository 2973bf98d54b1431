// SPDX-License-Identifier: Apache-2.0
#include "store/history_reader.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/utf8.hpp"
#include "store/history.hpp"
#include "store/history_schema.hpp"

namespace brink::store {
namespace {

constexpr std::int64_t kChunk = 512;  // rows that are read under one lock

// A condition with its parameters: text from outside never becomes SQL.
class Where {
  public:
    explicit Where(const HistoryQuery& query) {
        if (query.since_ns) add("time_ns >= ", *query.since_ns);
        if (query.until_ns) add("time_ns < ", *query.until_ns);
        if (query.pid) add("pid = ", std::int64_t{*query.pid});
        if (query.uid) add("uid = ", std::int64_t{*query.uid});
        if (!query.comm.empty()) add("comm = ", query.comm);
        if (!query.unit_name.empty()) add("unit_name = ", query.unit_name);
        if (!query.cgroup.empty()) add_cgroup(query.cgroup);
        if (!query.resources.empty()) add_any("resource", query.resources);
        std::vector<std::int64_t> types;
        for (const EventType type : query.types) types.push_back(static_cast<std::int64_t>(type));
        if (!types.empty()) add_any("type", types);
    }

    [[nodiscard]] const std::string& sql() const { return sql_; }

    void bind(Statement& statement) const {
        for (const auto& [parameter, value] : numbers_) statement.bind(parameter, value);
        for (const auto& [parameter, value] : texts_)
            statement.bind(parameter, std::string_view(value));
    }

  private:
    int parameter(std::int64_t value) {
        numbers_.emplace_back(++n_, value);
        return n_;
    }
    int parameter(const std::string& value) {
        texts_.emplace_back(++n_, value);
        return n_;
    }
    template <typename Value>
    void add(std::string_view condition, const Value& value) {
        sql_ += fmt::format(" AND {}?{}", condition, parameter(value));
    }
    template <typename Value>
    void add_any(std::string_view column, const std::vector<Value>& values) {
        std::vector<std::string> parameters;
        parameters.reserve(values.size());
        for (const Value& value : values)
            parameters.push_back(fmt::format("?{}", parameter(value)));
        sql_ += fmt::format(" AND {} IN ({})", column, fmt::join(parameters, ", "));
    }
    void add_cgroup(const std::string& path) {
        const std::string below = path == "/" ? path : path + "/";
        const int exact = parameter(path);
        const int prefix = parameter(below);
        sql_ += fmt::format(" AND (cgroup = ?{} OR substr(cgroup, 1, length(?{})) = ?{})", exact,
                            prefix, prefix);
    }

    std::string sql_;
    int n_ = 0;
    std::vector<std::pair<int, std::int64_t>> numbers_;
    std::vector<std::pair<int, std::string>> texts_;
};

}  // namespace

Result<HistoryReader> HistoryReader::open(const std::string& path) {
    HistoryReader reader(path);
    if (auto opened = reader.open_file(); !opened) return tl::unexpected(opened.error());
    return reader;
}

Result<void> HistoryReader::open_file() {
    struct stat status {};
    if (::access(path_.c_str(), R_OK) != 0 || ::stat(path_.c_str(), &status) != 0)
        return fail(fmt::format("history {}: {}", in_quotes(path_), std::strerror(errno)), errno);
    auto database = Database::open(path_, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX);
    if (!database) return tl::unexpected(database.error());
    database_ = std::move(*database);
    inode_ = status.st_ino;
    ::sqlite3_busy_timeout(database_.handle(), 1000);
    Statement kind(database_, "PRAGMA application_id");
    if (kind.step() != SQLITE_ROW) return tl::unexpected(damage());
    if (kind.integer(0) != kApplicationId ||
        database_.number("PRAGMA user_version") != kSchemaVersion)
        return fail(fmt::format("history {}: it is no history of this version of brink",
                                in_quotes(path_)),
                    EINVAL);
    return {};
}

Error HistoryReader::damage() const {
    return {EIO, fmt::format("history {}: {}; brinkd sets a damaged file aside when it starts",
                             in_quotes(path_), database_.message())};
}

Result<std::uint64_t> HistoryReader::read(const HistoryQuery& query, std::uint64_t after,
                                          const std::function<bool(const HistoryRow&)>& take) {
    const Where where(query);
    const std::uint64_t end = newest();
    if (query.last) {
        Statement first(database_,
                        fmt::format("SELECT number FROM events WHERE 1{} ORDER BY number "
                                    "DESC LIMIT 1 OFFSET {}",
                                    where.sql(), *query.last - 1));
        where.bind(first);
        const int code = first.step();
        if (code != SQLITE_ROW && code != SQLITE_DONE) return tl::unexpected(damage());
        if (code == SQLITE_ROW)
            after = std::max(after, static_cast<std::uint64_t>(first.integer(0)) - 1);
    }
    while (true) {
        std::vector<HistoryRow> rows;
        {
            Statement select(database_,
                             fmt::format("SELECT number, json FROM events WHERE number > {} AND "
                                         "number <= {}{} ORDER BY number LIMIT {}",
                                         after, end, where.sql(), kChunk));
            where.bind(select);
            int code = select.step();
            for (; code == SQLITE_ROW; code = select.step())
                rows.push_back({static_cast<std::uint64_t>(select.integer(0)), select.text(1)});
            if (code != SQLITE_DONE) return tl::unexpected(damage());
        }
        for (const HistoryRow& row : rows) {
            after = row.number;
            if (!take(row)) return after;
        }
        if (rows.size() < kChunk) return std::max(after, end);
    }
}

std::uint64_t HistoryReader::newest() {
    return static_cast<std::uint64_t>(database_.number("SELECT max(number) FROM events"));
}

std::uint64_t HistoryReader::missing() {
    return static_cast<std::uint64_t>(
        database_.number("SELECT max(number) - min(number) + 1 - count(*) FROM events"));
}

Result<void> HistoryReader::follow() {
    inotify_ = Fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!inotify_ || ::inotify_add_watch(inotify_.get(), bell_of(path_).c_str(), IN_MODIFY) < 0)
        return fail_errno(fmt::format("history {}: it cannot be followed", in_quotes(path_)));
    return {};
}

Result<void> HistoryReader::take_news() {
    std::array<char, 4096> events{};
    while (::read(inotify_.get(), events.data(), events.size()) > 0) {
    }
    struct stat status {};
    if (::stat(path_.c_str(), &status) == 0 && status.st_ino != inode_) return open_file();
    return {};
}

std::uint64_t newest_written(const std::string& history_path) {
    const Fd bell(::open(bell_of(history_path).c_str(), O_RDONLY | O_CLOEXEC));
    std::uint64_t number = 0;
    return bell && ::pread(bell.get(), &number, sizeof number, 0) == sizeof number ? number : 0;
}

}  // namespace brink::store
