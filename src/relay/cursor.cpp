// SPDX-License-Identifier: Apache-2.0
#include "relay/cursor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

namespace brink::relay {
namespace {

// Native byte order: the file stays on its machine.
struct Record {
    std::uint64_t generation = 0;
    std::uint64_t number = 0;
    std::uint64_t check = 0;

    [[nodiscard]] std::uint64_t right_check() const {
        return (generation * 0x9e3779b97f4a7c15 ^ number) * 0xbf58476d1ce4e5b9 ^ 0x6272696e6b;
    }
};

// A sector each: one torn write damages one record.
constexpr off_t kRecordAt = 512;
constexpr off_t kFileBytes = 2 * kRecordAt;

}  // namespace

Result<Cursor> Cursor::open(const std::string& path) {
    Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file) return fail_errno(path);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return fail_errno(path);
    if (status.st_size < kFileBytes) {
        const std::string zeros(kFileBytes, '\0');
        if (::pwrite(file.get(), zeros.data(), zeros.size(), 0) != kFileBytes ||
            ::fsync(file.get()) != 0)
            return fail_errno(path);
    }
    Cursor cursor(path, std::move(file));
    cursor.load();
    return cursor;
}

void Cursor::load() {
    for (off_t i = 0; i < 2; ++i) {
        Record record;
        if (::pread(file_.get(), &record, sizeof record, i * kRecordAt) != sizeof record) continue;
        if (record.generation <= generation_ || record.check != record.right_check()) continue;
        generation_ = record.generation;
        number_ = record.number;
    }
}

Result<void> Cursor::save(std::uint64_t number) {
    if (number_ == number) return {};
    Record record{.generation = generation_ + 1, .number = number, .check = 0};
    record.check = record.right_check();
    const off_t at = static_cast<off_t>(record.generation % 2) * kRecordAt;
    if (::pwrite(file_.get(), &record, sizeof record, at) != sizeof record ||
        ::fdatasync(file_.get()) != 0)
        return fail_errno(path_);
    generation_ = record.generation;
    number_ = number;
    return {};
}

}  // namespace brink::relay
