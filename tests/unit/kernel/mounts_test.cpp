// SPDX-License-Identifier: Apache-2.0
#include "kernel/mounts.hpp"

#include <gtest/gtest.h>

#include "../../support/fake_proc.hpp"

namespace brink::kernel {
namespace {

TEST(Mounts, ReadsFieldsAroundTheOptionalOnes) {
    const test::FakeProc proc;
    proc.write("self/mountinfo", "22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
                                 "30 22 0:25 /sub\\134dir /mnt/two\\040words\\011tab rw master:3 "
                                 "propagate_from:2 - cgroup none rw,memory\n"
                                 "31 22 0:26 / /plain rw - tmpfs tmp rw,size=1k\n");
    const auto mounts = read_mounts(proc.root());
    ASSERT_TRUE(mounts);
    ASSERT_EQ(mounts->size(), 3U);
    EXPECT_EQ((*mounts)[0].id, 22U);
    EXPECT_EQ((*mounts)[0].device, "259:1");
    EXPECT_EQ((*mounts)[0].point, "/");
    EXPECT_EQ((*mounts)[0].type, "ext4");
    EXPECT_EQ((*mounts)[0].source, "/dev/root");
    EXPECT_EQ((*mounts)[1].root, "/sub\\dir");
    EXPECT_EQ((*mounts)[1].point, "/mnt/two words\ttab");
    EXPECT_EQ((*mounts)[1].type, "cgroup");
    EXPECT_TRUE((*mounts)[1].has_option("memory"));
    EXPECT_FALSE((*mounts)[1].has_option("mem"));
    EXPECT_EQ((*mounts)[2].type, "tmpfs");
}

TEST(Mounts, SaysWhatCannotBeRead) { EXPECT_EQ(read_mounts("/nowhere").error().code, ENOENT); }

}  // namespace
}  // namespace brink::kernel
