// SPDX-License-Identifier: Apache-2.0
#include "kernel/process_breakdown.hpp"

#include <gtest/gtest.h>

#include "../../support/fake_proc.hpp"

namespace brink::kernel {
namespace {

std::string as_text(const Evidence& evidence) {
    std::string text = std::to_string(evidence.total);
    for (const EvidenceItem& item : evidence.items)
        text += "; " + item.target + " " + std::to_string(item.count);
    return text;
}

struct ProcessBreakdownTest : testing::Test {
    test::FakeProc proc;
    Procfs procfs{proc.root()};

    void add(pid_t pid, const std::string& comm, pid_t parent, uid_t uid, unsigned threads,
             const std::string& cgroup) const {
        const std::string number = std::to_string(pid);
        proc.process(pid, comm, parent, 1, 'S', threads);
        const std::string ids = std::to_string(uid) + " ";
        proc.write(number + "/status", "Name:\tx\nTgid:\t" + number + "\nUid:\t" + ids + ids + ids +
                                           ids + "\nGid:\t0 0 0 0\n");
        proc.write(number + "/cgroup", "0::" + cgroup + "\n");
    }
};

TEST_F(ProcessBreakdownTest, OfAUserByWhoStartedWhom) {
    add(1, "init", 0, 0, 1, "/init");
    add(10, "sshd", 1, 0, 1, "/ssh");
    add(11, "sshd", 10, 30, 1, "/ssh");
    add(12, "bash", 11, 30, 1, "/ssh");
    for (pid_t pid = 20; pid < 25; ++pid) add(pid, "make", 12, 30, 1, "/ssh/build");
    for (pid_t pid = 30; pid < 33; ++pid) add(pid, "make", pid - 10, 30, 4, "/ssh/build");
    EXPECT_EQ(as_text(describe_user_tree(procfs, 30)),
              "19; sshd > bash > make 17; sshd 1; sshd > bash 1");
    EXPECT_EQ(as_text(describe_cgroup_tree(procfs, "/ssh/build")), "17; make 17");
    EXPECT_EQ(as_text(describe_cgroup_tree(procfs, "/ss")), "0");
}

TEST_F(ProcessBreakdownTest, ACircleOfParentsEnds) {
    add(5, "a", 6, 30, 1, "/");
    add(6, "b", 5, 30, 1, "/");
    EXPECT_EQ(describe_user_tree(procfs, 30).total, 2U);
}

TEST_F(ProcessBreakdownTest, IsBounded) {
    for (pid_t pid = 10; pid < 20; ++pid) add(pid, "x" + std::to_string(pid), 1, 30, 1, "/");
    const Evidence few = describe_user_tree(procfs, 30, {.items = 3, .links = 5});
    EXPECT_EQ(few.items.size(), 3U);
    EXPECT_EQ(few.unavailable, "only 5 processes were looked at");
}

}  // namespace
}  // namespace brink::kernel
