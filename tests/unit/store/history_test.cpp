// SPDX-License-Identifier: Apache-2.0
#include "store/history.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "../../support/scratch_folder.hpp"
#include "base/clock.hpp"
#include "sample_entries.hpp"

namespace brink::store {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

struct HistoryTest : testing::Test {
    test::ScratchFolder folder;
    HistoryOptions options{.path = folder / "events.db", .max_age = std::chrono::hours(0)};

    std::unique_ptr<History> open() const {
        auto history = History::open(options);
        if (!history) ADD_FAILURE() << history.error().message;
        return history ? std::move(*history) : nullptr;
    }
    std::int64_t ask_file(const char* sql) const { return ask(options.path, sql); }
};

TEST_F(HistoryTest, KeepsWhatWasAppended) {
    auto history = open();
    ASSERT_TRUE(history->append(sample_entries(*history, 0, 10)));
    EXPECT_EQ(ask_file("SELECT count(*) FROM events"), 10);
    EXPECT_EQ(ask_file("SELECT count(*) FROM events WHERE comm = 'leaky' AND pid = 1000"), 3);
    EXPECT_EQ(ask_file("SELECT max(time_ns) FROM events"), kBeginNs + 9'000'000'000);
    EXPECT_EQ(history->entries(), 10U);
    EXPECT_EQ(history->next_number(), 11U);
}

TEST_F(HistoryTest, IsNotForEverybodyToRead) {
    auto history = open();
    for (const char* suffix : {"", "-wal", "-shm", ".bell"}) {
        struct stat status {};
        ASSERT_EQ(::stat((options.path + suffix).c_str(), &status), 0) << suffix;
        EXPECT_EQ(status.st_mode & 0007U, 0U) << suffix;
    }
}

TEST_F(HistoryTest, NumbersGoOnWhenItIsOpenedAgain) {
    {
        auto history = open();
        ASSERT_TRUE(history->append(sample_entries(*history, 0, 5)));
    }
    auto history = open();
    EXPECT_EQ(history->next_number(), 6U);
    EXPECT_THAT(history->take_remark(), IsEmpty());
}

TEST_F(HistoryTest, IsBoundedBySize) {
    options.max_bytes = 1 << 20;
    auto history = open();
    for (int i = 0; i < 200; ++i)
        ASSERT_TRUE(history->append(sample_entries(*history, 100 * i, 100, 300)));
    EXPECT_LE(history->bytes(), options.max_bytes + (64 << 10));
    EXPECT_LE(std::filesystem::file_size(options.path), options.max_bytes + options.max_bytes / 2);
    EXPECT_EQ(ask_file("SELECT max(number) FROM events"), 20000);
    // The newest, and no hole among them.
    EXPECT_EQ(ask_file("SELECT max(number) - min(number) + 1 - count(*) FROM events"), 0);
    EXPECT_GT(ask_file("SELECT count(*) FROM events"), 1000);
    EXPECT_TRUE(intact(options.path));
}

TEST_F(HistoryTest, ShrinksToASmallerBound) {
    {
        auto history = open();
        for (int i = 0; i < 20; ++i)
            ASSERT_TRUE(history->append(sample_entries(*history, 500 * i, 500, 300)));
    }
    const auto before = std::filesystem::file_size(options.path);
    options.max_bytes = 1 << 20;
    auto history = open();
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(history->append(sample_entries(*history, i, 1)));
    EXPECT_LE(history->bytes(), options.max_bytes + (64 << 10));
    history.reset();
    EXPECT_LT(std::filesystem::file_size(options.path), before / 2);
    EXPECT_TRUE(intact(options.path));
}

TEST_F(HistoryTest, IsBoundedByAge) {
    options.max_age = std::chrono::hours(1);
    options.clock_steady = std::chrono::seconds(0);
    auto history = open();
    auto entries = sample_entries(*history, 0, 10);
    const std::int64_t now = clock_ns(CLOCK_REALTIME);
    const std::int64_t hour = std::chrono::nanoseconds(options.max_age).count();
    for (std::size_t i = 0; i < 10; ++i) entries[i].time_ns = i % 2 ? now : now - hour - 1;
    ASSERT_TRUE(history->append(entries));
    EXPECT_EQ(history->entries(), 5U);
    EXPECT_EQ(ask_file("SELECT count(*) FROM events WHERE number % 2 = 0"), 5);
}

TEST_F(HistoryTest, DoesNotBelieveAClockAtOnce) {
    options.max_age = std::chrono::hours(1);
    auto history = open();
    ASSERT_TRUE(history->append(sample_entries(*history, 0, 10)));
    ASSERT_TRUE(history->append(sample_entries(*history, 10, 10)));
    EXPECT_EQ(history->entries(), 20U);
}

TEST_F(HistoryTest, SetsAsideWhatIsNoHistory) {
    std::ofstream(options.path) << std::string(10000, 'x');
    auto history = open();
    EXPECT_THAT(history->take_remark(), HasSubstr("events.db.damaged"));
    EXPECT_THAT(history->take_remark(), IsEmpty());
    ASSERT_TRUE(history->append(sample_entries(*history, 0, 3)));
    EXPECT_EQ(ask_file("SELECT count(*) FROM events"), 3);
    EXPECT_EQ(std::filesystem::file_size(options.path + ".damaged"), 10000U);
}

TEST_F(HistoryTest, SetsAsideADamagedFileAndDoesNotReuseNumbers) {
    {
        auto history = open();
        for (int i = 0; i < 10; ++i)
            ASSERT_TRUE(history->append(sample_entries(*history, 100 * i, 100)));
    }
    const auto size = static_cast<long>(std::filesystem::file_size(options.path));
    ASSERT_GT(size, 4 * 4096);
    std::fstream file(options.path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(8192);
    file << std::string(static_cast<std::size_t>(size - 8192), '\xa5');
    file.close();
    auto history = open();
    EXPECT_THAT(history->take_remark(), HasSubstr("a new one is begun"));
    EXPECT_EQ(history->next_number(), 1001U);
    ASSERT_TRUE(history->append(sample_entries(*history, 0, 1)));
    EXPECT_TRUE(intact(options.path));
}

TEST_F(HistoryTest, SetsAsideWhatBecomesDamagedUnderIt) {
    auto history = open();
    for (int i = 0; i < 30; ++i)
        ASSERT_TRUE(history->append(sample_entries(*history, 100 * i, 100)));
    history.reset();
    history = open();
    std::filesystem::resize_file(options.path, 4096);
    Result<void> appended;
    for (int i = 0; i < 50 && history->take_remark().empty(); ++i)
        appended = history->append(sample_entries(*history, 100 * i, 100));
    ASSERT_TRUE(appended) << appended.error().message;
    EXPECT_TRUE(std::filesystem::exists(options.path + ".damaged"));
    EXPECT_TRUE(intact(options.path));
}

// A child appends and says each number that is committed; it is killed in the middle of its work.
TEST_F(HistoryTest, SurvivesKill) {
    std::uint64_t said = 0;
    for (int round = 0; round < 20; ++round) {
        int ends[2];
        ASSERT_EQ(::pipe(ends), 0);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            auto history = History::open(options);
            for (int i = 0; history; ++i) {
                const auto entries = sample_entries(**history, i, 1 + i % 50, 200);
                if (!(*history)->append(entries)) ::_exit(1);
                const std::uint64_t last = entries.back().number;
                if (::write(ends[1], &last, sizeof last) != sizeof last) ::_exit(1);
            }
            ::_exit(1);
        }
        ::close(ends[1]);
        const int batches = 3 + 7 * (round % 5);
        for (int i = 0; i < batches; ++i)
            ASSERT_EQ(::read(ends[0], &said, sizeof said), static_cast<ssize_t>(sizeof said));
        ::kill(child, SIGKILL);
        for (std::uint64_t more = 0; ::read(ends[0], &more, sizeof more) == sizeof more;)
            said = more;
        ::waitpid(child, nullptr, 0);
        ::close(ends[0]);
        ASSERT_TRUE(intact(options.path)) << round;
        ASSERT_GE(ask_file("SELECT max(number) FROM events"), static_cast<std::int64_t>(said));
        ASSERT_EQ(ask_file("SELECT max(number) - count(*) FROM events"), 0) << round;
    }
    EXPECT_THAT(open()->take_remark(), IsEmpty());
}

// A file system of 1 MiB that something else fills.
TEST_F(HistoryTest, SurvivesAFullDisk) {
    const std::string mount_point = folder / "small";
    std::filesystem::create_directory(mount_point);
    if (::mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=1m") != 0)
        GTEST_SKIP() << "no file system can be mounted here (errno " << errno << ")";
    options.path = mount_point + "/events.db";
    {
        auto history = open();
        ASSERT_TRUE(history->append(sample_entries(*history, 0, 10)));
        std::ofstream(mount_point + "/other") << std::string(1 << 20, 'x');
        Result<void> appended;
        for (int i = 0; appended && i < 1000; ++i)
            appended = history->append(sample_entries(*history, 10 * i, 10, 100));
        ASSERT_FALSE(appended);
        EXPECT_THAT(appended.error().message, HasSubstr("full"));
        const std::uint64_t next = history->next_number();
        std::filesystem::remove(mount_point + "/other");
        appended = history->append(sample_entries(*history, 0, 10));
        EXPECT_TRUE(appended) << appended.error().message;
        EXPECT_EQ(ask_file("SELECT max(number) FROM events"), static_cast<std::int64_t>(next + 9));
        EXPECT_EQ(ask_file("SELECT max(number) - count(*) FROM events"), 0);
        EXPECT_TRUE(intact(options.path));
    }
    EXPECT_EQ(::umount(mount_point.c_str()), 0);
}

// The file system is smaller than the log may be: what fills the disk is the history itself.
TEST_F(HistoryTest, ItsOwnLogFillsTheDisk) {
    const std::string mount_point = folder / "small";
    std::filesystem::create_directory(mount_point);
    if (::mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=2m") != 0)
        GTEST_SKIP() << "no file system can be mounted here (errno " << errno << ")";
    options.path = mount_point + "/events.db";
    options.max_bytes = 256 << 10;
    {
        auto history = open();
        for (int i = 0; i < 400; ++i) {
            const auto appended = history->append(sample_entries(*history, 100 * i, 100, 300));
            ASSERT_TRUE(appended) << i << ": " << appended.error().message;
        }
        EXPECT_EQ(ask_file("SELECT max(number) FROM events"), 40000);
        EXPECT_TRUE(intact(options.path));
    }
    EXPECT_EQ(::umount(mount_point.c_str()), 0);
}

// Somebody who reads, and never ends, must not make the log grow for ever.
TEST_F(HistoryTest, AReaderThatHoldsOnIsSaid) {
    auto history = open();
    ASSERT_TRUE(history->append(sample_entries(*history, 0, 10)));
    auto reader = Database::open(options.path, SQLITE_OPEN_READONLY);
    ASSERT_TRUE(reader);
    ASSERT_EQ(reader->run("BEGIN"), SQLITE_OK);
    ASSERT_EQ(reader->number("SELECT count(*) FROM events"), 10);
    Result<void> appended;
    int batches = 0;
    for (; appended && batches < 1000; ++batches)
        appended = history->append(sample_entries(*history, 0, 100, 1000));
    ASSERT_FALSE(appended);
    EXPECT_THAT(appended.error().message, HasSubstr("a reader holds on to it"));
    EXPECT_LT(std::filesystem::file_size(options.path + "-wal"), 20U << 20);
    ASSERT_EQ(reader->run("COMMIT"), SQLITE_OK);
    EXPECT_TRUE(history->append(sample_entries(*history, 0, 100, 1000)));
}

}  // namespace
}  // namespace brink::store
