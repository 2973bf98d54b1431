// SPDX-License-Identifier: Apache-2.0
// On trees of our own: both versions, on one machine.
#include "kernel/cgroup_tree.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "../../support/fake_proc.hpp"

namespace brink::kernel {
namespace {

std::vector<std::string> paths(const CgroupTree& tree) {
    std::vector<std::string> all;
    tree.visit([&](const Cgroup& cgroup) { all.push_back(cgroup.path()); });
    return all;
}

TEST(CgroupTree, FindsTheHierarchyOfAController) {
    const test::FakeProc files;
    files.write("unified/cgroup.controllers", "cpu io pids\n");
    std::vector<Mount> mounts(2);
    mounts[0].type = "cgroup";
    mounts[0].options = "rw,memory";
    mounts[0].point = files.root() + "/memory";
    mounts[0].root = "/";
    mounts[1].type = "cgroup2";
    mounts[1].point = files.root() + "/unified";
    mounts[1].root = "/";
    EXPECT_EQ(CgroupTree::find(mounts, "memory")->version(), 1);
    EXPECT_EQ(CgroupTree::find(mounts, "pids")->version(), 2);
    EXPECT_EQ(CgroupTree::find(mounts, "pid").error().code, ENOENT);
}

TEST(CgroupTree, VisitsParentsFirstInOrder) {
    const test::FakeProc files;
    for (const char* name : {"cgroup.procs", "b/x", "a/z/x", "a/y/x"}) files.write(name, "");
    files.write("cgroup.controllers", "memory\n");
    files.link("a/loop", "../a");
    Mount mount;
    mount.type = "cgroup2";
    mount.point = files.root();
    mount.root = "/";
    EXPECT_EQ(paths(*CgroupTree::find({mount}, "memory")),
              (std::vector<std::string>{"/", "/a", "/a/y", "/a/z", "/b"}));
    mount.root = "/outer";  // as a container sees it
    EXPECT_EQ(paths(*CgroupTree::find({mount}, "memory")).at(1), "/outer/a");
}

TEST(Cgroup, ReadsNumbersOfBothVersions) {
    const test::FakeProc files;
    files.write("pids.max", "max\n");
    files.write("memory.limit_in_bytes", "9223372036854771712\n");
    files.write("memory.current", "4096\n");
    files.write("empty", "");
    files.write("cpu.stat", "nr_periods 3\nthrottled_usec 77\n");
    const Cgroup cgroup("/x", files.root());
    EXPECT_EQ(*cgroup.number("pids.max"), ~std::uint64_t{0});
    EXPECT_EQ(*cgroup.number("memory.limit_in_bytes"), ~std::uint64_t{0});
    EXPECT_EQ(*cgroup.number("memory.current"), 4096U);
    EXPECT_EQ(cgroup.number("empty").error().code, EINVAL);
    EXPECT_EQ(cgroup.number("absent").error().code, ENOENT);
    EXPECT_EQ(*cgroup.field("cpu.stat", "throttled_usec"), 77U);
    EXPECT_EQ(cgroup.field("cpu.stat", "throttled").error().code, ENOENT);
}

}  // namespace
}  // namespace brink::kernel
