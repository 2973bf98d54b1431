// SPDX-License-Identifier: Apache-2.0
// The engine `poll` on subjects that are no process, against files of the test's own.
#include "engine/shared_poll_source.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <initializer_list>

#include "../../support/fake_proc.hpp"
#include "record_reader.hpp"

namespace brink::engine {
namespace {

using namespace std::chrono_literals;

class SharedPoll : public testing::Test {
  protected:
    SharedPoll() {
        auto made = SharedPollSource::create({2ms, 10ms}, [this](bool users) {
            ++looks_;
            users_ |= users;
            return kernel::Machine(files_.root());
        });
        if (!made) throw std::runtime_error(made.error().message);
        source_ = std::move(*made);
        reader_ = std::make_unique<RecordReader>(*source_);
    }

    std::uint32_t watch(const char* resource, std::initializer_list<brink_level> levels) {
        brink_watch made{};
        for (const brink_level& level : levels) made.levels[made.n_levels++] = level;
        made.flags = BRINK_WATCH_UP | BRINK_WATCH_DOWN;
        return source_->add_watch(*find_resource(resource), made).value();
    }
    void open_files(int count, int limit) const {
        files_.write("sys/fs/file-nr", std::to_string(count) + "\t0\t" + std::to_string(limit));
        files_.write("sys/fs/file-max", std::to_string(limit));
    }
    // A cgroup v2 tree of the test's own, in which the controller pids is there.
    void cgroup(const std::string& path, int count, const std::string& limit) const {
        const std::string mount = files_.root() + "/cgroup";
        files_.write("self/mountinfo", "30 24 0:26 / " + mount + " rw - cgroup2 cgroup2 rw\n");
        files_.write("cgroup/cgroup.controllers", "memory pids\n");
        files_.write("cgroup" + path + "/pids.current", std::to_string(count) + "\n");
        files_.write("cgroup" + path + "/pids.max", limit + "\n");
    }
    void remove_cgroup(const std::string& path) const {
        std::filesystem::remove_all(files_.root() + "/cgroup" + path);
    }
    static Selection cgroup_selection(const std::string& path) {
        return {.by = SelectBy::cgroup, .value = path};
    }

    const Selection system_{.by = SelectBy::system, .value = {}};
    const Selection all_{.by = SelectBy::all, .value = {}};
    test::FakeProc files_;
    std::unique_ptr<SharedPollSource> source_;
    std::unique_ptr<RecordReader> reader_;
    int looks_ = 0;
    bool users_ = false;
};

constexpr brink_level at(std::uint64_t value) {
    return {.value = value, .form = 0, .signal_up = 0, .signal_down = 0, .flags = 0, .reserved = 0};
}
constexpr brink_level percent(std::uint64_t value) {
    return {.value = value * 1000,
            .form = BRINK_LEVEL_PERCENT,
            .signal_up = 0,
            .signal_down = 0,
            .flags = 0,
            .reserved = 0};
}

TEST_F(SharedPoll, LevelsOfTheSystemInBothDirections) {
    open_files(10, 100);
    const std::uint32_t number = watch("file_nr", {at(10), percent(50), at(80)});
    ASSERT_TRUE(source_->select(number, system_));
    EXPECT_EQ(reader_->next_text(), "initial 10 @10");
    EXPECT_EQ(reader_->subject(), "the system");
    open_files(85, 100);
    EXPECT_EQ(reader_->next_text(), "crossing up 50 @85");
    EXPECT_EQ(reader_->next_text(), "crossing up 80 @85");
    open_files(9, 100);
    EXPECT_EQ(reader_->next_text(), "crossing down 80 @9");
    EXPECT_EQ(reader_->next_text(), "crossing down 50 @9");
    const brink_record last = reader_->next();
    EXPECT_EQ(last.level, 10U);
    EXPECT_EQ(last.watch, number);
    EXPECT_TRUE(last.flags & BRINK_RECORD_NAMED);
    EXPECT_EQ(last.pid, 0U);
    EXPECT_FALSE(users_) << "no user is counted for this";
}

TEST_F(SharedPoll, ALimitThatChangesMovesRelativeLevels) {
    open_files(40, 100);
    ASSERT_TRUE(source_->select(watch("file_nr", {percent(50)}), system_));
    open_files(40, 60);
    EXPECT_EQ(reader_->next_text(), "limit");
    EXPECT_EQ(reader_->next_text(), "crossing up 30 @40 by limit");
}

TEST_F(SharedPoll, CgroupsThatComeAndGo) {
    cgroup("/a", 5, "10");
    cgroup("/b", 9, "10");
    const std::uint32_t number = watch("pids", {percent(80)});
    ASSERT_TRUE(source_->select(number, all_));
    EXPECT_EQ(reader_->next_text(), "initial 8 @9");
    EXPECT_EQ(reader_->subject(), "cgroup /b");
    cgroup("/a/below", 8, "10");
    EXPECT_EQ(reader_->next_text(), "initial 8 @8");
    EXPECT_EQ(reader_->subject(), "cgroup /a/below");
    remove_cgroup("/b");
    EXPECT_EQ(reader_->next_text(), "crossing down 8 @0 by exit");
    EXPECT_EQ(reader_->next_text(), "exit");
    EXPECT_EQ(reader_->subject(), "cgroup /b");
    remove_cgroup("/a");
    EXPECT_EQ(reader_->next_text(), "crossing down 8 @0 by exit");
    EXPECT_EQ(reader_->next_text(), "exit");
    EXPECT_EQ(reader_->subject(), "cgroup /a/below") << "/a was never heard of";
    cgroup("/b", 8, "10");
    EXPECT_EQ(reader_->next_text(), "initial 8 @8") << "a new one of that name";
}

TEST_F(SharedPoll, OnlyWhatWasSelected) {
    cgroup("/a", 9, "10");
    cgroup("/a/below", 9, "10");
    cgroup("/ab", 9, "10");
    ASSERT_TRUE(source_->select(watch("pids", {percent(80)}), cgroup_selection("/a")));
    EXPECT_TRUE(reader_->next().flags & BRINK_RECORD_NAMED);
    EXPECT_EQ(reader_->subject(), "cgroup /a");
    EXPECT_FALSE(reader_->next().flags & BRINK_RECORD_NAMED);
    EXPECT_EQ(reader_->subject(), "cgroup /a/below");
    EXPECT_EQ(reader_->next(50ms).type, 0U);
}

TEST_F(SharedPoll, TwoWatchesOnOneResourceShareTheLook) {
    open_files(10, 100);
    ASSERT_TRUE(source_->select(watch("file_nr", {at(20)}), system_));
    ASSERT_TRUE(source_->select(watch("file_nr", {at(30)}), system_));
    looks_ = 0;
    open_files(30, 100);
    EXPECT_EQ(reader_->next().watch, 0U);
    EXPECT_EQ(reader_->next().watch, 1U);
    EXPECT_LE(looks_, 3);
}

TEST_F(SharedPoll, ThatThereIsNothingIsARemark) {
    cgroup("/a", 9, "10");
    ASSERT_TRUE(source_->select(watch("pids", {percent(80)}), cgroup_selection("/later")));
    const auto remarks = source_->take_remarks();
    ASSERT_EQ(remarks.size(), 1U);
    EXPECT_EQ(remarks[0], "pids: nothing now is cgroup /later");
    EXPECT_TRUE(source_->take_remarks().empty());
    cgroup("/later", 9, "10");
    EXPECT_EQ(reader_->next_text(), "initial 8 @9");
}

TEST_F(SharedPoll, ADormantLevelIsSaidOfWhatWasNamed) {
    cgroup("/a", 3, "max");
    ASSERT_TRUE(source_->select(watch("pids", {percent(80), at(9)}), cgroup_selection("/a")));
    const auto remarks = source_->take_remarks();
    ASSERT_EQ(remarks.size(), 1U);
    EXPECT_EQ(remarks[0],
              "80% of pids is dormant for cgroup /a: the limit is unlimited; it wakes when a "
              "changed limit allows it");
    cgroup("/a", 3, "3");
    EXPECT_EQ(reader_->next_text(), "limit");
    EXPECT_EQ(reader_->next_text(), "crossing up 3 @3 by limit");
}

TEST_F(SharedPoll, WhatCannotBeIsAnError) {
    files_.write("self/mountinfo",
                 "30 24 0:26 / " + files_.root() + "/pids rw - cgroup cgroup rw,memory\n");
    files_.write("pids/memory.usage_in_bytes", "1\n");
    const auto selected = source_->select(watch("memory_high", {percent(80)}), all_);
    ASSERT_FALSE(selected);
    EXPECT_EQ(selected.error().message,
              "memory_high: this machine has cgroup v1, which has no such limit");
    EXPECT_FALSE(source_->bind(0, {.pid = 1}));
}

TEST_F(SharedPoll, WhatCannotBeReadForAWhileIsNotGone) {
    open_files(10, 100);
    ASSERT_TRUE(source_->select(watch("file_nr", {at(10)}), system_));
    EXPECT_EQ(reader_->next_text(), "initial 10 @10");
    files_.write("sys/fs/file-nr", "");
    EXPECT_EQ(reader_->next(50ms).type, 0U);
    open_files(9, 100);
    EXPECT_EQ(reader_->next_text(), "crossing down 10 @9");
}

}  // namespace
}  // namespace brink::engine
