// SPDX-License-Identifier: Apache-2.0
#include "engine/selection_match.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include "../../support/fake_proc.hpp"

namespace brink::engine {
namespace {

using kernel::Procfs;

constexpr pid_t kPid = 7;

Selection selection(SelectBy by, const std::string& value) { return {.by = by, .value = value}; }

class SelectionMatch : public testing::Test {
  protected:
    void SetUp() override { proc_.process(kPid, "leaky", 1, 100); }
    bool matches(SelectBy by, const std::string& value) const {
        return is_selected(selection(by, value), Procfs(proc_.root()), kPid);
    }
    void is_in(const std::string& cgroup) const { proc_.write("7/cgroup", "0::" + cgroup + "\n"); }
    // A thread, with its flags and policy.
    void thread(pid_t tid, unsigned flags, int policy) const {
        std::string stat = std::to_string(tid) + " (leaky) S 1 1 1 0 -1 " + std::to_string(flags);
        for (int field = 10; field < 41; ++field) stat += " 0";
        proc_.write(std::to_string(tid) + "/stat", stat + " " + std::to_string(policy) + " 0\n");
        proc_.write("7/task/" + std::to_string(tid) + "/stat", stat);
    }

    test::FakeProc proc_;
};

TEST_F(SelectionMatch, ByName) {
    EXPECT_TRUE(matches(SelectBy::comm, "leaky"));
    EXPECT_FALSE(matches(SelectBy::comm, "leak"));
    EXPECT_TRUE(matches(SelectBy::all, ""));
    EXPECT_FALSE(is_selected(selection(SelectBy::all, ""), Procfs(proc_.root()), 8)) << "not there";
}

TEST_F(SelectionMatch, ByProgram) {
    proc_.link("7/exe", "/usr/bin/leaky (deleted)");
    EXPECT_TRUE(matches(SelectBy::exe, "/usr/bin/leaky"));
    EXPECT_FALSE(matches(SelectBy::exe, "/bin/leaky"));
}

TEST_F(SelectionMatch, ByTheRealUser) {
    proc_.write("7/status", "Tgid:\t7\nUid:\t1000\t0\t0\t0\n");
    Selection by_user = selection(SelectBy::user, "someone");
    by_user.uid = 1000;
    EXPECT_TRUE(is_selected(by_user, Procfs(proc_.root()), kPid));
    by_user.uid = 0;
    EXPECT_FALSE(is_selected(by_user, Procfs(proc_.root()), kPid));
}

TEST_F(SelectionMatch, ByCgroup) {
    is_in("/system.slice/web.service/worker");
    EXPECT_TRUE(matches(SelectBy::cgroup, "/system.slice"));
    EXPECT_TRUE(matches(SelectBy::cgroup, "/system.slice/web.service/worker"));
    EXPECT_TRUE(matches(SelectBy::cgroup, "/"));
    EXPECT_FALSE(matches(SelectBy::cgroup, "/system.slice/web.service/work"));
    EXPECT_FALSE(matches(SelectBy::cgroup, "/web.service"));
}

TEST_F(SelectionMatch, ByUnit) {
    is_in("/system.slice/web.service/worker");
    EXPECT_TRUE(matches(SelectBy::unit, "web.service"));
    EXPECT_TRUE(matches(SelectBy::unit, "system.slice"));
    EXPECT_FALSE(matches(SelectBy::unit, "eb.service"));
    is_in("/system.slice/_cpu.service");
    EXPECT_TRUE(matches(SelectBy::unit, "cpu.service"));
}

TEST_F(SelectionMatch, ByContainer) {
    const std::string id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    for (const std::string& cgroup : {"/system.slice/docker-" + id + ".scope", "/docker/" + id,
                                      "/pod/cri-containerd-" + id + ".scope/x"}) {
        is_in(cgroup);
        EXPECT_TRUE(matches(SelectBy::container, id)) << cgroup;
        EXPECT_TRUE(matches(SelectBy::container, id.substr(0, 12))) << cgroup;
        EXPECT_FALSE(matches(SelectBy::container, id.substr(1, 12))) << cgroup;
    }
    is_in("/libpod_parent/libpod-conmon-" + id + ".scope");
    EXPECT_FALSE(matches(SelectBy::container, id));
}

TEST_F(SelectionMatch, ByAnyRealtimeThread) {
    thread(kPid, 0, SCHED_OTHER);
    EXPECT_FALSE(matches(SelectBy::realtime, ""));
    thread(8, 0, SCHED_RR);
    EXPECT_TRUE(matches(SelectBy::realtime, ""));
    thread(8, 4, SCHED_RR);  // it is ending
    EXPECT_FALSE(matches(SelectBy::realtime, ""));
}

TEST_F(SelectionMatch, NotTheKernelsOwn) {
    thread(kPid, 0x00200000, SCHED_FIFO);
    EXPECT_FALSE(matches(SelectBy::all, ""));
    EXPECT_FALSE(matches(SelectBy::realtime, ""));
    proc_.process(kPid, "leaky", 1, 100, 'Z');
    EXPECT_FALSE(matches(SelectBy::all, "")) << "it has ended";
}

}  // namespace
}  // namespace brink::engine
