// SPDX-License-Identifier: Apache-2.0
// Whom the poll engine watches: children, threads, commands before their execve; and whom not.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "poll_source_driver.hpp"

namespace brink::engine {
namespace {

TEST(PollSourceTarget, ChildrenInherit) {
    Source source;
    const ChildProcess child(step);
    const std::uint64_t level = usage_of(child) + 3;
    const std::uint32_t watch = source.watch({level}, BRINK_WATCH_UP | BRINK_WATCH_DOWN |
                                                          BRINK_WATCH_INHERIT);
    ASSERT_TRUE(source->bind(watch, {.pid = child.pid()}));
    child.tell('f');
    const brink_record record = source.next();
    EXPECT_NE(record.pid, static_cast<brink_u32>(child.pid()));
    EXPECT_EQ(record.ppid, static_cast<brink_u32>(child.pid()));
    EXPECT_EQ(record.watch, watch);
    EXPECT_EQ(record.flags & BRINK_RECORD_NAMED, 0U);
    EXPECT_EQ(source->subjects(), 2U);
    // Found once, not with every scan.
    EXPECT_EQ(source.next(std::chrono::milliseconds(100)).type, 0U);
}

// A storm of births and deaths: nothing may crash, and in the end all are gone.
TEST(PollSourceTarget, ShortLivedChildren) {
    Source source;
    ChildProcess child([](char) {
        for (int i = 0; i < 20; ++i)
            if (::fork() == 0) ::_exit(i % 2 == 0 || ::usleep(5000) != 0 ? 0 : 1);
        while (::waitpid(-1, nullptr, 0) > 0) {
        }
    });
    ASSERT_TRUE(
        source->bind(source.watch({1}, BRINK_WATCH_UP | BRINK_WATCH_DOWN | BRINK_WATCH_INHERIT),
                     {.pid = child.pid()}));
    for (int round = 0; round < 30; ++round) {
        child.tell('x');
        source->read([](const brink_record&, const brink_stack_record*) {});
    }
    child.kill();
    for (int i = 0; i < 2000 && source->subjects() != 0; ++i) (void)source.next();
    EXPECT_EQ(source->subjects(), 0U);
}

TEST(PollSourceTarget, ChildrenDoNotInheritUnasked) {
    Source source;
    const ChildProcess child(step);
    ASSERT_TRUE(source->bind(source.watch({usage_of(child) + 3}), {.pid = child.pid()}));
    child.tell('f');
    EXPECT_EQ(source.next(std::chrono::milliseconds(200)).type, 0U);
    EXPECT_EQ(source->subjects(), 1U);
}

TEST(PollSourceTarget, ChildrenFromBeforeAreLeftOut) {
    Source source;
    const ChildProcess child(step);
    child.tell('f');
    std::this_thread::sleep_for(std::chrono::milliseconds(30));  // more than a clock tick
    ASSERT_TRUE(source->bind(source.watch({1000}, BRINK_WATCH_UP | BRINK_WATCH_INHERIT),
                             {.pid = child.pid()}));
    EXPECT_EQ(source.next(std::chrono::milliseconds(200)).type, 0U);
    EXPECT_EQ(source->subjects(), 1U);
}

TEST(PollSourceTarget, AtExecComesIntoForceWhenTold) {
    Source source;
    const ChildProcess child(step);
    const std::uint64_t usage = usage_of(child);
    ASSERT_TRUE(source->bind(source.watch({1, usage + 2}), {.pid = child.pid(), .at_exec = true}));
    child.tell('o');
    child.tell('o');
    EXPECT_EQ(source.next(std::chrono::milliseconds(100)).type, 0U);
    child.tell('c');
    source->executed(child.pid());
    EXPECT_EQ(source.next_text(), "initial 1 @" + std::to_string(usage + 1));
    EXPECT_EQ(source.next_text(), "armed");
    child.tell('o');
    EXPECT_EQ(source.next_text(), up(usage + 2));
}

TEST(PollSourceTarget, EndsBeforeItsExec) {
    Source source;
    const ChildProcess child(step);
    ASSERT_TRUE(source->bind(source.watch({1}), {.pid = child.pid(), .at_exec = true}));
    child.kill();
    EXPECT_EQ(source.next_text(), "exit");
    source->executed(child.pid());
    EXPECT_EQ(source->subjects(), 0U);
}

TEST(PollSourceTarget, AThread) {
    Source source;
    const std::uint64_t usage = kernel::Procfs().descriptor_count(::getpid()).value();
    int write_end = -1;
    int read_end = -1;
    pid_t tid = 0;
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    read_end = ends[0];
    write_end = ends[1];
    std::atomic<bool> ready{false};
    std::thread thread([&] {
        tid = ::gettid();
        ready = true;
        char byte = 0;
        (void)!::read(read_end, &byte, 1);
    });
    while (!ready) std::this_thread::yield();
    EXPECT_EQ(source->bind(source.watch({1}), {.pid = tid}).error().code, EINVAL);
    ASSERT_TRUE(source->bind(source.watch({1, usage + 1000}), {.pid = tid, .thread = true}));
    const brink_record record = source.next();
    EXPECT_EQ(record.type, static_cast<brink_u32>(BRINK_RECORD_INITIAL));
    EXPECT_EQ(record.pid, static_cast<brink_u32>(tid));
    EXPECT_NE(record.flags & BRINK_RECORD_THREAD, 0U);
    ASSERT_EQ(::write(write_end, "x", 1), 1);
    thread.join();
    EXPECT_EQ(source.next_text(), "crossing down 1 @0 by exit");
    EXPECT_EQ(source.next_text(), "exit");
    ::close(read_end);
    ::close(write_end);
}

TEST(PollSourceTarget, RefusesWhatCannotBeWatched) {
    Source source;
    ChildProcess child(step);
    const pid_t pid = child.pid();
    const std::uint32_t watch = source.watch({1});
    EXPECT_EQ(source->bind(watch + 1, {.pid = pid}).error().code, EINVAL);
    child.end();
    const auto gone = source->bind(watch, {.pid = pid});
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code, ESRCH);
    EXPECT_EQ(gone.error().message, "there is no process " + std::to_string(pid));
    EXPECT_EQ(source->add_watch(*find_resource("nofile"), brink_watch{}).error().code, EINVAL);
}

TEST(PollSourceTarget, AnOrdinaryUserWatchesItsOwnOnly) {
    if (::getuid() != 0) GTEST_SKIP() << "needs root";
    const ChildProcess roots(step);
    const pid_t child = ::fork();
    if (child == 0) {
        if (::setresgid(12345, 12345, 12345) != 0 || ::setresuid(12345, 12345, 12345) != 0)
            ::_exit(9);
        ::prctl(PR_SET_DUMPABLE, 1);
        Source source;
        const ChildProcess own(step);
        const std::uint32_t watch = source.watch({1});
        if (!source->bind(watch, {.pid = own.pid()})) ::_exit(1);
        const auto refused = source->bind(watch, {.pid = roots.pid()});
        ::_exit(!refused && refused.error().code == EPERM ? 0 : 2);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace brink::engine
