// SPDX-License-Identifier: Apache-2.0
// Procfs and its companions on a tree of our own, and on the real /proc where only that will do.
#include "kernel/procfs.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "../../support/child_process.hpp"
#include "../../support/fake_proc.hpp"
#include "kernel/child_lookup.hpp"
#include "kernel/process_identity.hpp"

namespace brink::kernel {
namespace {

using test::ChildProcess;
using test::FakeProc;

TEST(Procfs, ReadsStat) {
    const FakeProc proc;
    proc.process(7, "leaky", 3, 7934, 'R', 5);
    const auto stat = Procfs(proc.root()).stat(7);
    ASSERT_TRUE(stat);
    EXPECT_EQ(stat->comm, "leaky");
    EXPECT_EQ(stat->ppid, 3);
    EXPECT_EQ(stat->state, 'R');
    EXPECT_EQ(stat->start_time, 7934U);
    EXPECT_EQ(stat->num_threads, 5U);
    EXPECT_FALSE(stat->exiting());
}

TEST(Procfs, CommMayLookLikeTheRestOfTheLine) {
    const FakeProc proc;
    proc.process(7, "a) S 9 (b", 3, 11);
    proc.process(8, "new\nline", 3, 12);
    const Procfs procfs(proc.root());
    EXPECT_EQ(procfs.stat(7)->comm, "a) S 9 (b");
    EXPECT_EQ(procfs.stat(7)->ppid, 3);
    EXPECT_EQ(procfs.stat(8)->comm, "new\nline");
}

TEST(Procfs, SaysWhoIsGone) {
    const FakeProc proc;
    const auto stat = Procfs(proc.root()).stat(4711);
    ASSERT_FALSE(stat);
    EXPECT_EQ(stat.error().code, ESRCH);
    EXPECT_EQ(stat.error().message, "there is no process 4711");
}

TEST(Procfs, RefusesWhatIsNoStat) {
    const FakeProc proc;
    for (const char* text : {"", "7", "7 (x", "7 (x)", "7 (x) S", "7 (x) S 1 2 3 4 5 6 7", ")("}) {
        proc.write("7/stat", text);
        EXPECT_FALSE(Procfs(proc.root()).stat(7)) << text;
    }
}

TEST(Procfs, ReadsStatus) {
    const FakeProc proc;
    proc.write("7/status", "Name:\tx\nTgid:\t6\nUid:\t1000\t1001\t1002\t1003\nNSpid:\t7\t1\n");
    const auto status = Procfs(proc.root()).status(7);
    ASSERT_TRUE(status);
    EXPECT_EQ(status->tgid, 6);
    EXPECT_EQ(status->uid_real, 1000U);
    EXPECT_EQ(status->uid_effective, 1001U);
    EXPECT_EQ(status->uid_saved, 1002U);
    EXPECT_EQ(status->ns_pids, (std::vector<pid_t>{7, 1}));
}

TEST(Procfs, PicksTheCgroupThatSaysMore) {
    const FakeProc proc;
    const Procfs procfs(proc.root());
    proc.write("1/cgroup", "0::/system.slice/a.service\n");
    proc.write("2/cgroup", "9:name=systemd:/system.slice/b.service\n4:memory:/x\n0::/\n");
    proc.write("3/cgroup", "9:name=systemd:/old\n0::/new\n");
    proc.write("4/cgroup", "9:name=systemd:/\n0::/\n");
    proc.write("5/cgroup", "4:memory:/x\n");
    EXPECT_EQ(procfs.cgroup(1), "/system.slice/a.service");
    EXPECT_EQ(procfs.cgroup(2), "/system.slice/b.service");
    EXPECT_EQ(procfs.cgroup(3), "/new");
    EXPECT_EQ(procfs.cgroup(4), "/");
    EXPECT_EQ(procfs.cgroup(5), "");
    EXPECT_EQ(procfs.cgroup(6), "");
}

TEST(Procfs, NamesUnits) {
    EXPECT_EQ(unit_name("/system.slice/leaky.service"), "leaky.service");
    EXPECT_EQ(unit_name("/system.slice/docker-0b2c.scope/inner"), "docker-0b2c.scope");
    EXPECT_EQ(unit_name("/user.slice/user-1.slice/user@1.service/app.slice/x.service"),
              "x.service");
    EXPECT_EQ(unit_name("/user.slice"), "user.slice");
    EXPECT_EQ(unit_name("/system.slice/_cpu.service"), "cpu.service");
    EXPECT_EQ(unit_name("/lxc/web/.service"), "");
    EXPECT_EQ(unit_name("/"), "");
    EXPECT_EQ(unit_name(""), "");
}

TEST(Procfs, ReadsLimitsFile) {
    const FakeProc proc;
    proc.write("7/limits",
               "Limit                     Soft Limit           Hard Limit           Units     \n"
               "Max open files            1024                 4096                 files     \n"
               "Max address space         unlimited            unlimited            bytes     \n");
    const Procfs procfs(proc.root());
    const auto files = procfs.limit(7, RLIMIT_NOFILE);
    ASSERT_TRUE(files);
    EXPECT_EQ(files->soft, 1024U);
    EXPECT_EQ(files->hard, 4096U);
    EXPECT_EQ(procfs.limit(7, RLIMIT_AS)->soft, ~std::uint64_t{0});
    EXPECT_FALSE(procfs.limit(7, RLIMIT_CPU));
    EXPECT_EQ(procfs.limit(8, RLIMIT_CPU).error().code, ESRCH);
}

TEST(Procfs, LimitsOfARealProcess) {
    rlimit own{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &own), 0);
    const auto limit = Procfs().limit(::getpid(), RLIMIT_NOFILE);
    ASSERT_TRUE(limit);
    EXPECT_EQ(limit->soft, own.rlim_cur);
    EXPECT_EQ(limit->hard, own.rlim_max);
}

TEST(Procfs, CountsDescriptorsByListing) {
    const FakeProc proc;
    proc.process(7, "x", 1, 1);
    for (int fd = 0; fd < 30; ++fd) proc.link("7/fd/" + std::to_string(fd), "/dev/null");
    proc.link("self", "7");
    const Procfs procfs(proc.root());
    EXPECT_FALSE(procfs.count_is_one_stat());  // st_size is something, but not the count
    EXPECT_EQ(procfs.descriptor_count(7).value(), 30U);
    EXPECT_EQ(procfs.descriptor_count(8).error().code, ESRCH);
}

TEST(Procfs, CountsThoseOfAThreadWhereTheLeaderHasEnded) {
    const FakeProc proc;
    proc.process(7, "x", 1, 1, 'Z', 2);
    proc.link("7/task/9/fd/0", "/dev/null");
    proc.link("7/task/9/fd/1", "/dev/null");
    EXPECT_EQ(Procfs(proc.root()).descriptor_count(7).value(), 2U);
}

TEST(Procfs, CountsARealProcess) {
    const ChildProcess child([](char) { (void)::dup(0); });
    child.tell('x');
    const Procfs procfs;
    const auto before = procfs.descriptor_count(child.pid());
    ASSERT_TRUE(before);
    for (int i = 0; i < 100; ++i) child.tell('x');
    EXPECT_EQ(procfs.descriptor_count(child.pid()).value(), *before + 100);
}

TEST(ProcessIdentity, EndsWithTheProcess) {
    const Procfs procfs;
    ChildProcess child([](char) {});
    const auto who = ProcessIdentity::take(procfs, child.pid());
    ASSERT_TRUE(who);
    EXPECT_GE(who->pidfd(), 0);
    EXPECT_FALSE(who->ended(procfs));
    const pid_t pid = child.pid();
    child.end();
    EXPECT_TRUE(who->ended(procfs));
    EXPECT_EQ(ProcessIdentity::take(procfs, pid).error().code, ESRCH);
}

TEST(ProcessIdentity, KnowsARecycledNumberWithoutAPidfd) {
    const FakeProc proc;
    const Procfs procfs(proc.root());
    proc.process(7, "old", 1, 100);
    const auto who = ProcessIdentity::take(procfs, 7);
    ASSERT_TRUE(who);
    EXPECT_FALSE(who->ended(procfs));
    proc.process(7, "new", 1, 101);
    EXPECT_TRUE(who->ended(procfs));
}

TEST(ProcessIdentity, ThreadsAreNoProcesses) {
    const Procfs procfs;
    std::thread([&] {
        const pid_t tid = ::gettid();
        const auto refused = ProcessIdentity::take(procfs, tid);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, EINVAL);
        const auto thread = ProcessIdentity::take(procfs, tid, true);
        ASSERT_TRUE(thread);
        EXPECT_FALSE(thread->ended(procfs));
    }).join();
}

void family(const FakeProc& proc) {
    proc.process(1, "init", 0, 1);
    proc.process(10, "a", 1, 2);
    proc.process(11, "b", 10, 3);
    proc.process(12, "c", 11, 4);
    proc.process(13, "d", 10, 5);
    proc.process(20, "other", 1, 6);
}

TEST(ChildLookup, WalksWhereTheKernelListsNoChildren) {
    const FakeProc proc;
    family(proc);
    const Procfs procfs(proc.root());
    ASSERT_FALSE(procfs.has_children_files());
    auto found = ChildLookup(procfs).descendants(10);
    std::sort(found.begin(), found.end());
    EXPECT_EQ(found, (std::vector<pid_t>{11, 12, 13}));
}

TEST(ChildLookup, ReadsTheKernelsLists) {
    const FakeProc proc;
    proc.process(1, "init", 0, 1);
    proc.link("self", "1");
    proc.write("1/task/1/children", "10 20 ");
    proc.write("10/task/10/children", "11 ");
    proc.write("10/task/15/children", "13 ");
    proc.write("11/task/11/children", "12 ");
    const Procfs procfs(proc.root());
    ASSERT_TRUE(procfs.has_children_files());
    const ChildLookup lookup(procfs);
    auto found = lookup.descendants(10);
    std::sort(found.begin(), found.end());
    EXPECT_EQ(found, (std::vector<pid_t>{11, 12, 13}));
    EXPECT_EQ(lookup.of_thread(10), std::vector<pid_t>{11});
}

TEST(ChildLookup, ARingEnds) {
    const FakeProc proc;
    proc.process(10, "a", 11, 1);
    proc.process(11, "b", 10, 1);
    EXPECT_EQ(ChildLookup(Procfs(proc.root())).descendants(10), std::vector<pid_t>{11});
}

}  // namespace
}  // namespace brink::kernel
