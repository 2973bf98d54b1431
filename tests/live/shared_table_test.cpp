// SPDX-License-Identifier: Apache-2.0
// Shared, unshared and half-finished tables, one exact step after another.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "expected_events.hpp"

namespace brink::live {
namespace {

RunOptions watching(const char* levels) {
    RunOptions options;
    options.watches = {std::string("nofile=") + levels};
    options.child.soft_limit = 100;
    return options;
}

TEST(SharedTable, EachSiblingHearsOfItAgainstItsOwnLimit) {
    BrinkRun run(watching("20,50%"), {work("puppet")});
    Puppet puppet(run);
    ASSERT_EQ(puppet("share 1"), 0);
    ASSERT_EQ(puppet("@1 limit 60"), 0);  // the sibling's own limit: its 50 % is 30
    const pid_t sibling = puppet.last_pid();
    ASSERT_TRUE(puppet.to(35));  // done by the first, seen by both
    ASSERT_EQ(puppet("@1 exit 0"), 0);
    ASSERT_EQ(puppet("wait 1"), 0);
    ASSERT_TRUE(puppet.to(10));
    puppet.child().send("exit 0");
    ASSERT_EQ(run.wait(), 0);
    const Events events = run.events();
    check_stream(events);

    check_events(of_pid(events, puppet.pid()), [&] {
        Oracle stepwise({{"20", "50%"}}, 4, 100);
        for (unsigned count = 5; count <= 35; ++count) stepwise.step(count, 100, "to 35");
        for (unsigned count = 34; count >= 10; --count) stepwise.step(count, 100, "to 10");
        stepwise.exit(true);
        return stepwise.events();
    }());
    check_events(of_pid(events, sibling), [&] {
        Oracle stepwise({{"20", "50%"}}, 4, 100);
        stepwise.step(4, 60, "its limit");
        for (unsigned count = 5; count <= 35; ++count) stepwise.step(count, 60, "to 35");
        stepwise.exit(false);
        return stepwise.events();
    }());
    for (const Event& event : of_type(of_pid(events, sibling), "crossing"))
        EXPECT_TRUE(number(event, "usage") == 0 || number(event, "tid") == puppet.pid())
            << "who acted: " << brief(event);
}

TEST(SharedTable, AfterUnshareEachCountsForItself) {
    BrinkRun run(watching("20"), {work("puppet")});
    Puppet puppet(run);
    ASSERT_TRUE(puppet.to(15));
    ASSERT_EQ(puppet("share 1"), 0);
    ASSERT_EQ(puppet("@1 unshare"), 0);
    const pid_t other = puppet.last_pid();
    ASSERT_TRUE(puppet.to(25));     // the first alone
    ASSERT_TRUE(puppet.to(22, 1));  // the other alone
    ASSERT_TRUE(puppet.to(18));
    EXPECT_EQ(descriptor_count(puppet.pid()), 18U);
    EXPECT_EQ(descriptor_count(other), 22U);
    ASSERT_EQ(puppet("@1 exit 0"), 0);
    ASSERT_EQ(puppet("wait 1"), 0);
    puppet.child().send("exit 0");
    ASSERT_EQ(run.wait(), 0);
    const Events events = run.events();
    check_stream(events);
    for (const auto& [pid, top] : {std::pair<pid_t, unsigned>{puppet.pid(), 25}, {other, 22}}) {
        Oracle oracle({{"20"}}, 15, 100);
        for (unsigned count = 16; count <= top; ++count) oracle.step(count, 100, "up");
        if (pid == puppet.pid())
            for (unsigned count = 24; count >= 18; --count) oracle.step(count, 100, "down");
        oracle.exit(pid == puppet.pid());
        SCOPED_TRACE(pid == puppet.pid() ? "the first" : "the other");
        check_events(of_pid(events, pid), oracle.events());
    }
}

TEST(SharedTable, AThreadsOwnTableIsNotTheProcess) {
    BrinkRun run(watching("20"), {work("puppet")});
    Puppet puppet(run);
    ASSERT_TRUE(puppet.to(19));
    ASSERT_EQ(puppet("stranger 30 50"), 0);
    ASSERT_TRUE(puppet.to(20));
    ASSERT_EQ(puppet("stranger 30 50"), 0);
    ASSERT_TRUE(puppet.to(19));
    puppet.child().send("exit 0");
    ASSERT_EQ(run.wait(), 0);
    Oracle oracle({{"20"}}, 19, 100);
    oracle.step(20, 100, "up");
    oracle.step(19, 100, "down");
    oracle.exit(true);
    check_events(of_pid(run.events(), puppet.pid()), oracle.events());
}

// An open under way has reserved its number. It counts when it is done, and not at all when it fails.
TEST(SharedTable, AnOpenUnderWayDoesNotCount) {
    const ScratchFolder folder;
    const std::string fifo = folder / "fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    BrinkRun run(watching("20,22"), {work("puppet")});
    Puppet puppet(run);
    Oracle oracle({{"20", "22"}}, 4, 100);
    const auto to = [&](unsigned from, unsigned count) {
        ASSERT_TRUE(puppet.to(static_cast<int>(count)));
        for (unsigned now = from; now != count;)
            oracle.step(now += now < count ? 1U : ~0U, 100, "step");
    };
    to(4, 18);
    ASSERT_EQ(puppet("block " + fifo), 0);
    const auto blocked_in_open = [&] {
        for (const pid_t tid : threads(puppet.pid())) {
            const std::string call = read_file("/proc/" + std::to_string(puppet.pid()) + "/task/" +
                                               std::to_string(tid) + "/syscall");
            if (tid != puppet.pid() && call.rfind(std::to_string(SYS_openat) + " ", 0) == 0)
                return true;
        }
        return false;
    };
    ASSERT_TRUE(eventually(blocked_in_open));
    to(18, 19);  // with the reserved one the bitmap has 20
    EXPECT_EQ(descriptor_count(puppet.pid()), 19U);
    to(19, 20);
    to(20, 19);
    ASSERT_EQ(puppet("interrupt"), 0);  // the open fails: the number is given back
    ASSERT_EQ(puppet("unblocked"), EINTR);
    to(19, 21);
    ASSERT_EQ(puppet("block " + fifo), 0);
    ASSERT_TRUE(eventually(blocked_in_open));
    const int writer = ::open(fifo.c_str(), O_WRONLY | O_CLOEXEC);
    ASSERT_GE(writer, 0);
    ASSERT_EQ(puppet("unblocked"), 0);  // it is installed: 22
    oracle.step(22, 100, "the open that was under way");
    EXPECT_EQ(descriptor_count(puppet.pid()), 22U);
    ::close(writer);
    puppet.child().send("exit 0");
    ASSERT_EQ(run.wait(), 0);
    oracle.exit(true);
    const Events events = run.events();
    check_stream(events);
    check_events(of_pid(events, puppet.pid()), oracle.events());
}

}  // namespace
}  // namespace brink::live
