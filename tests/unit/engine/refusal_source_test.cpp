// SPDX-License-Identifier: Apache-2.0
// What a cgroup was refused, on a tree of files of the test's own: inotify tells of these as of the kernel's.
#include "engine/refusal_source.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "../../support/fake_proc.hpp"
#include "record_reader.hpp"

namespace brink::engine {
namespace {

using namespace std::chrono_literals;

class Refusals : public testing::Test {
  protected:
    Refusals() {
        files_.write("self/mountinfo",
                     "30 24 0:26 / " + files_.root() + "/cgroup rw - cgroup2 cgroup2 rw\n");
        files_.write("cgroup/cgroup.controllers", "memory pids\n");
        auto made = RefusalSource::create(kernel::Machine(files_.root()));
        if (!made) throw std::runtime_error(made.error().message);
        source_ = std::move(*made);
        reader_ = std::make_unique<RecordReader>(*source_);
    }

    std::uint32_t watch(const char* resource) {
        brink_watch made{};
        made.n_levels = 1;
        made.flags = BRINK_WATCH_UP;
        return source_->add_watch(*find_resource(resource), made).value();
    }
    // In one write, so that it is not seen half done.
    void replace(const std::string& name, const std::string& text) const {
        std::ofstream(files_.root() + "/cgroup" + name, std::ios::in) << text;
    }
    void pids(const std::string& path, const std::string& most, int refused) const {
        files_.write("cgroup" + path + "/pids.current", "4\n");
        files_.write("cgroup" + path + "/pids.max", most + "\n");
        files_.write("cgroup" + path + "/pids.events", "max " + std::to_string(refused) + "\n");
    }
    void memory(const std::string& path, const std::string& local) const {
        files_.write("cgroup" + path + "/memory.current", "8192\n");
        files_.write("cgroup" + path + "/memory.max", "16384\n");
        files_.write("cgroup" + path + "/memory.events.local", local);
    }

    const Selection all_{.by = SelectBy::all, .value = {}};
    test::FakeProc files_;
    std::unique_ptr<RefusalSource> source_;
    std::unique_ptr<RecordReader> reader_;
};

TEST_F(Refusals, OnlyWhatComesAfterTheWatch) {
    pids("/a", "4", 3);
    const auto number = watch("pids");
    ASSERT_TRUE(source_->select(number, all_));
    EXPECT_EQ(reader_->next(50ms).type, 0U) << "that was before";
    replace("/a/pids.events", "max 5\n");
    const brink_record record = reader_->next();
    EXPECT_EQ(record.type, std::uint32_t{BRINK_RECORD_DENIED});
    EXPECT_EQ(record.errno_value, std::uint32_t{EAGAIN});
    EXPECT_EQ(record.usage, 4U);
    EXPECT_EQ(record.limit, 4U);
    EXPECT_EQ(record.old_limit, 2U) << "twice";
    EXPECT_EQ(record.watch, number);
    EXPECT_EQ(reader_->subject(), "cgroup /a");
}

TEST_F(Refusals, OfMemoryByName) {
    memory("/a", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n");
    ASSERT_TRUE(source_->select(watch("memory"), all_));
    replace("/a/memory.events.local", "low 0\nhigh 9\nmax 7\noom 1\noom_kill 1\n");
    const std::array<brink_record, 3> records{reader_->next(), reader_->next(), reader_->next()};
    EXPECT_EQ(records[0].cause, std::uint8_t{BRINK_REFUSAL_MAX});
    EXPECT_EQ(records[0].old_limit, 7U);
    EXPECT_EQ(records[1].cause, std::uint8_t{BRINK_REFUSAL_OOM});
    EXPECT_EQ(records[2].cause, std::uint8_t{BRINK_REFUSAL_OOM_KILL});
    EXPECT_EQ(records[2].errno_value, 0U);
    // What a cgroup at its limit meets all the time is said once a second; the rest at once, and nothing is lost.
    replace("/a/memory.events.local", "low 0\nhigh 9\nmax 8\noom 2\noom_kill 1\n");
    EXPECT_EQ(reader_->next().cause, std::uint8_t{BRINK_REFUSAL_OOM});
    replace("/a/memory.events.local", "low 0\nhigh 9\nmax 9\noom 2\noom_kill 1\n");
    const brink_record held_back = reader_->next();
    EXPECT_EQ(held_back.cause, std::uint8_t{BRINK_REFUSAL_MAX});
    EXPECT_EQ(held_back.old_limit, 2U);
}

// One file tells of both.
TEST_F(Refusals, OfMemoryAndOfMemoryHigh) {
    memory("/a", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n");
    files_.write("cgroup/a/memory.high", "4096\n");
    ASSERT_TRUE(source_->select(watch("memory"), all_));
    const auto high = watch("memory_high");
    ASSERT_TRUE(source_->select(high, all_));
    replace("/a/memory.events.local", "low 0\nhigh 2\nmax 1\noom 0\noom_kill 0\n");
    const std::array<brink_record, 2> records{reader_->next(), reader_->next()};
    const brink_record& of_high = records[0].watch == high ? records[0] : records[1];
    EXPECT_NE(records[0].watch, records[1].watch);
    EXPECT_EQ(of_high.cause, std::uint8_t{BRINK_REFUSAL_HIGH});
    EXPECT_EQ(of_high.limit, 4096U);
    EXPECT_EQ(of_high.old_limit, 2U);
}

TEST_F(Refusals, NotByALimitThatIsNotThere) {
    pids("/a", "max", 0);
    ASSERT_TRUE(source_->select(watch("pids"), all_));
    replace("/a/pids.events", "max 5\n");
    EXPECT_EQ(reader_->next(50ms).type, 0U);
}

TEST_F(Refusals, OnlyWhereSelected) {
    pids("/a", "4", 0);
    pids("/b", "4", 0);
    ASSERT_TRUE(source_->select(watch("pids"), {.by = SelectBy::cgroup, .value = "/b"}));
    replace("/a/pids.events", "max 1\n");
    replace("/b/pids.events", "max 1\n");
    (void)reader_->next();
    EXPECT_EQ(reader_->subject(), "cgroup /b");
    EXPECT_EQ(reader_->next(50ms).type, 0U);
}

TEST_F(Refusals, NothingOfACgroupThatIsGone) {
    pids("/a", "4", 0);
    pids("/b", "4", 0);
    ASSERT_TRUE(source_->select(watch("pids"), all_));
    std::filesystem::remove_all(files_.root() + "/cgroup/a");
    replace("/b/pids.events", "max 1\n");
    (void)reader_->next();
    EXPECT_EQ(reader_->subject(), "cgroup /b");
}

}  // namespace
}  // namespace brink::engine
