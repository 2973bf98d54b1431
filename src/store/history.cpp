// SPDX-License-Identifier: Apache-2.0
// The life of the file: opening, setting aside, appending, trimming. What its tables are is in store/history_schema.hpp.
#include "store/history.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/clock.hpp"
#include "base/units.hpp"
#include "store/history_schema.hpp"

namespace brink::store {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
constexpr std::uint64_t kMaxLogBytes = 16ULL << 20;
constexpr std::int64_t kStepNs = 60LL * 1'000'000'000;  // of the clock: more than NTP slews
constexpr mode_t kMode = 0640;

bool is_damage(int code) { return code == SQLITE_CORRUPT || code == SQLITE_NOTADB; }

std::int64_t clock_offset_ns() { return clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME); }

std::uint64_t file_bytes(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

}  // namespace

HistoryEntry::HistoryEntry(const Event& event, std::string line)
    : time_ns(event.time_ns),
      type(event.type),
      resource(event.resource),
      comm(event.comm),
      unit_name(event.unit_name),
      cgroup(event.cgroup),
      pid(event.pid),
      uid(event.uid),
      json(std::move(line)) {}

std::string bell_of(const std::string& history_path) { return history_path + ".bell"; }

Result<std::unique_ptr<History>> History::open(const HistoryOptions& options) {
    std::unique_ptr<History> history(new History(options));
    history->clock_offset_ns_ = clock_offset_ns();
    history->steady_since_ns_ = clock_ns(CLOCK_BOOTTIME);
    if (auto opened = history->open_file(); !opened) return tl::unexpected(opened.error());
    return history;
}

// Not SQLite's default mode: what programs of others do is not everybody's to read.
Result<void> History::open_file() {
    const Fd created(::open(options_.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kMode));
    if (!created) return fail_errno(options_.path);
    bell_ = Fd(::open(bell_of(options_.path).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kMode));
    if (!bell_) return fail_errno(bell_of(options_.path));
    auto set_up_so_far = set_up();
    if (set_up_so_far || !is_damage(set_up_so_far.error().code)) return set_up_so_far;
    return begin_anew(set_up_so_far.error().message);
}

// REQUIRES: no statement of ours is under way. The error's code is SQLite's.
Result<void> History::set_up() {
    auto opened = Database::open(options_.path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX);
    if (!opened) return tl::unexpected(opened.error());
    insert_ = {};
    database_ = std::move(*opened);
    if (auto prepared = prepare(); !prepared) return prepared;
    insert_ = Statement(database_, kInsert);
    std::uint64_t rung = 0;
    (void)::pread(bell_.get(), &rung, sizeof rung, 0);
    const auto last = static_cast<std::uint64_t>(
        database_.number("SELECT max(number) FROM events"));
    next_number_ = std::max({next_number_, last + 1, rung + 1});
    return {};
}

Result<void> History::prepare() {
    int keep_log = 1;  // a reader without write access needs the log's index to be there
    ::sqlite3_file_control(database_.handle(), "main", SQLITE_FCNTL_PERSIST_WAL, &keep_log);
    const std::string bound = fmt::format("PRAGMA max_page_count={}",
                                          2 * options_.max_bytes / kPageBytes + 64);
    const bool begun = database_.run(kSettings) == SQLITE_OK &&
                       database_.run(bound.c_str()) == SQLITE_OK;
    if (!begun)
        return fail(fmt::format("{}: {}", options_.path, database_.message()),
                    database_.code() & 0xff);
    if (database_.number("PRAGMA application_id") == 0 && database_.run(kSchema) != SQLITE_OK)
        return fail(fmt::format("{}: {}", options_.path, database_.message()),
                    database_.code() & 0xff);
    if (database_.number("PRAGMA application_id") != kApplicationId ||
        database_.number("PRAGMA user_version") != kSchemaVersion)
        return fail("it is no history of this version of brink", SQLITE_NOTADB);
    if (damaged()) return fail("its pages contradict each other", SQLITE_CORRUPT);
    return {};
}

bool History::damaged() {
    Statement check(database_, "PRAGMA quick_check(1)");
    const int code = check.step();
    return is_damage(code & 0xff) || (code == SQLITE_ROW && check.text(0) != "ok");
}

Result<void> History::begin_anew(const std::string& damage) {
    const std::string aside = options_.path + ".damaged";
    insert_ = {};
    database_ = {};
    if (::rename(options_.path.c_str(), aside.c_str()) != 0) return fail_errno(options_.path);
    for (const char* suffix : {"-wal", "-shm"}) {
        (void)::unlink((aside + suffix).c_str());
        if (::rename((options_.path + suffix).c_str(), (aside + suffix).c_str()) != 0 &&
            errno != ENOENT)
            return fail_errno(options_.path + suffix);
    }
    remark_ = fmt::format("the history {} is damaged ({}); it is now {}, and a new one is begun",
                          options_.path, damage, aside);
    const Fd created(::open(options_.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kMode));
    if (!created) return fail_errno(options_.path);
    return set_up();
}

Result<void> History::append(std::span<const HistoryEntry> entries) {
    if (entries.empty()) return {};
    if (auto bounded = bound_log(); !bounded) return bounded;
    Result<void> written = write(entries);
    if (!written && is_damage(written.error().code)) {
        if (auto begun = begin_anew(written.error().message); !begun) return begun;
        written = write(entries);
    }
    if (!written && written.error().code == SQLITE_FULL) {
        // The log may be what fills the disk, or it is the bound on pages.
        empty_log();
        trim(entries.size());
        written = write(entries);
    }
    if (!written) return written;
    next_number_ = entries.back().number + 1;
    ring(entries.back().number);
    trim(entries.size());
    return {};
}

// The error's code is SQLite's; nothing of `entries` is there then.
Result<void> History::write(std::span<const HistoryEntry> entries) {
    int code = database_.run("BEGIN IMMEDIATE");
    for (const HistoryEntry& entry : entries)
        if (code == SQLITE_OK) code = insert(entry);
    if (code == SQLITE_OK) code = database_.run("COMMIT");
    if (code == SQLITE_OK) return {};
    const auto failure = fail(fmt::format("{}: {}", options_.path, database_.message()), code);
    if (::sqlite3_get_autocommit(database_.handle()) == 0) (void)database_.run("ROLLBACK");
    return failure;
}

int History::insert(const HistoryEntry& entry) {
    insert_.reset();
    insert_.bind(1, static_cast<std::int64_t>(entry.number));
    insert_.bind(2, entry.time_ns);
    insert_.bind(3, static_cast<std::int64_t>(entry.type));
    insert_.bind(4, entry.resource);
    if (entry.pid) insert_.bind(5, std::int64_t{*entry.pid});
    insert_.bind(6, entry.comm);
    insert_.bind(7, entry.unit_name);
    if (entry.uid) insert_.bind(8, std::int64_t{*entry.uid});
    insert_.bind(9, entry.cgroup);
    insert_.bind(10, entry.json);
    const int code = insert_.step() & 0xff;
    insert_.reset();
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

// A reader that holds a transaction open keeps SQLite from beginning the log again; it may not grow for ever.
Result<void> History::bound_log() {
    const std::string log = options_.path + "-wal";
    if (file_bytes(log) <= kMaxLogBytes) return {};
    empty_log();
    if (file_bytes(log) <= kMaxLogBytes) return {};
    return fail(fmt::format("{} is larger than {}: a reader holds on to it", log,
                            format_quantity(kMaxLogBytes, Unit::bytes)),
                SQLITE_BUSY);
}

void History::empty_log() {
    ::sqlite3_wal_checkpoint_v2(database_.handle(), "main", SQLITE_CHECKPOINT_TRUNCATE, nullptr,
                                nullptr);
}

// In small steps, so that no batch takes much longer than others.
void History::trim(std::size_t written) {
    const std::size_t step = 2 * written + 64;
    trim_by_age(step);
    if (bytes() <= options_.max_bytes) return;
    (void)database_.run(fmt::format("DELETE FROM events WHERE number <= (SELECT number FROM events "
                                    "ORDER BY number LIMIT 1 OFFSET {})",
                                    step)
                            .c_str());
    const auto pages = static_cast<std::uint64_t>(database_.number("PRAGMA page_count"));
    if (pages * kPageBytes > options_.max_bytes + options_.max_bytes / 8)
        (void)database_.run("PRAGMA incremental_vacuum(256)");
}

// A clock that was set forth would make everything old: ages count only when it has been steady for a while.
void History::trim_by_age(std::size_t at_most) {
    if (options_.max_age.count() == 0 || !clock_is_steady()) return;
    const std::int64_t oldest = clock_ns(CLOCK_REALTIME) -
                                std::chrono::nanoseconds(options_.max_age).count();
    (void)database_.run(fmt::format("DELETE FROM events WHERE number IN (SELECT number FROM events "
                                    "WHERE time_ns < {} ORDER BY time_ns LIMIT {})",
                                    oldest, at_most)
                            .c_str());
}

bool History::clock_is_steady() {
    const std::int64_t offset = clock_offset_ns();
    const std::int64_t now = clock_ns(CLOCK_BOOTTIME);
    if (std::abs(offset - clock_offset_ns_) > kStepNs) steady_since_ns_ = now;
    clock_offset_ns_ = offset;
    return now - steady_since_ns_ >= std::chrono::nanoseconds(options_.clock_steady).count();
}

// After the commit: SQLite itself writes to no file when a commit has become visible.
void History::ring(std::uint64_t number) {
    (void)!::pwrite(bell_.get(), &number, sizeof number, 0);
}

std::uint64_t History::bytes() {
    const std::int64_t pages = database_.number("PRAGMA page_count") -
                               database_.number("PRAGMA freelist_count");
    return static_cast<std::uint64_t>(pages) * kPageBytes;
}

std::uint64_t History::entries() {
    return static_cast<std::uint64_t>(database_.number("SELECT count(*) FROM events"));
}

}  // namespace brink::store
