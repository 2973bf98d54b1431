// SPDX-License-Identifier: Apache-2.0
// Moments in the life of a process that no test can hold still: on a /proc of our own.
#include "engine/poll_subject.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "../../support/fake_proc.hpp"

namespace brink::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using State = PollSubject::State;

class FakeSubject : public ::testing::Test {
  protected:
    FakeSubject() {
        watch_.levels.levels[0].value = 2;
        watch_.levels.n_levels = 1;
        watch_.levels.flags = BRINK_WATCH_UP | BRINK_WATCH_DOWN;
        proc_.process(7, "leaky", 1, 100);
        proc_.write("7/limits", "Max open files            1024                 4096  files\n");
        for (int fd = 0; fd < 3; ++fd) proc_.link("7/fd/" + std::to_string(fd), "/dev/null");
    }

    PollSubject subject() {
        auto who = kernel::ProcessIdentity::take(procfs_, 7);
        PollSubject made(procfs_, queue_, std::move(*who), false,
                         PollInterval(milliseconds(10), seconds(1)));
        made.add(watch_, 5, {3, 1}, PollSubject::Origin::named, PollSubject::Start::now);
        return made;
    }

    void close_all() {
        std::filesystem::remove_all(proc_.root() + "/7/fd");
        std::filesystem::create_directories(proc_.root() + "/7/fd");
    }

    test::FakeProc proc_;
    kernel::Procfs procfs_{proc_.root()};
    PollSubject::Queue queue_;
    PollWatch watch_{&resource::definition_of(*find_resource("nofile")), {}};
};

TEST_F(FakeSubject, NamesItselfInItsRecords) {
    PollSubject leaky = subject();
    EXPECT_EQ(leaky.look(seconds(1)), State::alive);
    ASSERT_EQ(queue_.size(), 1U);
    const brink_record& record = queue_.front();
    EXPECT_EQ(record.type, BRINK_RECORD_INITIAL + 0U);
    EXPECT_EQ(record.tally, 3U);
    EXPECT_EQ(record.generation, 1U);
    EXPECT_EQ(record.watch, 5U);
    EXPECT_EQ(record.limit, 1024U);
    EXPECT_EQ(record.limit_hard, 4096U);
    EXPECT_STREQ(record.comm, "leaky");
}

TEST_F(FakeSubject, ATableThatIsGoneBeforeItsProcessIsAnExit) {
    PollSubject leaky = subject();
    EXPECT_EQ(leaky.look(seconds(1)), State::alive);
    queue_.clear();
    close_all();
    proc_.write("7/stat", "7 (leaky) R 1 1 1 0 -1 4194308 0 0 0 0 0 0 0 0 20 0 1 0 100 0 0\n");
    EXPECT_EQ(leaky.look(seconds(2)), State::alive);
    EXPECT_TRUE(queue_.empty());
    EXPECT_EQ(leaky.due(), seconds(2) + milliseconds(10));
    leaky.end(BRINK_EXIT_ENDED);
    ASSERT_EQ(queue_.size(), 2U);
    EXPECT_EQ(queue_[0].cause, BRINK_CAUSE_EXIT);
    EXPECT_EQ(queue_[1].type, BRINK_RECORD_EXIT + 0U);
}

TEST_F(FakeSubject, AProgramThatClosesEverythingIsNot) {
    PollSubject leaky = subject();
    EXPECT_EQ(leaky.look(seconds(1)), State::alive);
    queue_.clear();
    close_all();
    EXPECT_EQ(leaky.look(seconds(2)), State::alive);
    ASSERT_EQ(queue_.size(), 1U);
    EXPECT_EQ(queue_[0].cause, BRINK_CAUSE_OPERATION);
}

TEST_F(FakeSubject, TheNextOwnerOfItsNumberIsNobody) {
    PollSubject leaky = subject();
    EXPECT_EQ(leaky.look(seconds(1)), State::alive);
    queue_.clear();
    close_all();
    proc_.process(7, "other", 1, 101);
    EXPECT_EQ(leaky.look(seconds(2)), State::ended);
    EXPECT_TRUE(queue_.empty());
    leaky.end(BRINK_EXIT_ENDED);
    ASSERT_EQ(queue_.size(), 2U);
    EXPECT_STREQ(queue_[0].comm, "leaky");
}

// Begins when it can be read at last, and not from nothing.
TEST_F(FakeSubject, TheFirstLookMayFail) {
    PollSubject leaky = subject();
    std::filesystem::rename(proc_.root() + "/7/limits", proc_.root() + "/7/hidden");
    EXPECT_EQ(leaky.look(seconds(1)), State::alive);
    EXPECT_TRUE(queue_.empty());
    std::filesystem::rename(proc_.root() + "/7/hidden", proc_.root() + "/7/limits");
    EXPECT_EQ(leaky.look(seconds(2)), State::alive);
    ASSERT_EQ(queue_.size(), 1U);
    EXPECT_EQ(queue_[0].type, BRINK_RECORD_INITIAL + 0U);
}

}  // namespace
}  // namespace brink::engine
