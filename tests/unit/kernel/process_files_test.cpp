// SPDX-License-Identifier: Apache-2.0
#include "kernel/process_files.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../support/fake_proc.hpp"

namespace brink::kernel {
namespace {

class ProcessFilesTest : public testing::Test {
  protected:
    ProcessFilesTest() {
        proc_.write("7/status",
                    "Name:\tname with VmSize: 1 kB\nUid:\t10\t11\t12\t13\nTgid:\t7\nVmSize:\t    "
                    "3060 kB\nThreads:\t3\n");
        proc_.write("8/status", "Name:\tkthread\nThreads:\t1\n");
        proc_.write("7/maps", "00400000-00401000 r-xp 00000000 00:00 0 /bin/x\n"
                              "7ffd0000-7ffd1000 rw-p 00000000 00:00 0 [stack]\n"
                              "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0             "
                              "     [vsyscall]\n");
        proc_.write("8/maps", "");
    }
    test::FakeProc proc_;
    Procfs procfs_{proc_.root()};
};

TEST_F(ProcessFilesTest, FindsFieldsByTheirName) {
    const ProcessFiles process(procfs_, 7);
    EXPECT_EQ(*process.status("Uid"), "10\t11\t12\t13");
    EXPECT_EQ(*process.address_space(), 3060U * 1024);
    EXPECT_EQ(*process.threads(), 3U);
    EXPECT_EQ(*process.status("Vm"), "");
    EXPECT_TRUE(process.has_memory());
    EXPECT_FALSE(process.from_iterator());
}

TEST_F(ProcessFilesTest, WhatAKernelThreadHasNotIsNotZero) {
    const ProcessFiles process(procfs_, 8);
    EXPECT_FALSE(process.has_memory());
    EXPECT_EQ(process.address_space().error().code, ESRCH);
}

TEST_F(ProcessFilesTest, TheIteratorNeedsNoFile) {
    brink_task task{};
    task.pid = 9;
    task.has_memory = 1;
    task.total_vm = 10;
    task.threads = 2;
    task.map_count = 5;
    task.open_files = 4;
    task.limits[RLIMIT_AS] = {4096, 8192};
    const ProcessFiles process(procfs_, task);
    EXPECT_EQ(*process.address_space(), 10 * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
    EXPECT_TRUE(process.from_iterator());
    EXPECT_EQ(*process.threads(), 2U);
    EXPECT_EQ(*process.mappings(), 5U);
    EXPECT_EQ(*process.descriptors(), 4U);
    EXPECT_EQ(process.limit(RLIMIT_AS)->soft, 4096U);
    EXPECT_EQ(process.limit(RLIMIT_AS)->hard, 8192U);
    task.has_memory = 0;
    EXPECT_EQ(process.resident().error().code, ESRCH);
}

TEST_F(ProcessFilesTest, CountsMappingsWithoutTheKernels) {
    EXPECT_EQ(*ProcessFiles(procfs_, 7).mappings(), 2U);
    EXPECT_EQ(*ProcessFiles(procfs_, 8).mappings(), 0U);
}

TEST_F(ProcessFilesTest, AProcessThatIsGone) {
    const ProcessFiles process(procfs_, 9);
    EXPECT_EQ(process.status("Uid").error().code, ESRCH);
    EXPECT_EQ(process.mappings().error().code, ESRCH);
    EXPECT_EQ(process.cpu_time_ns().error().code, ESRCH);
}

TEST(ProcessFiles, ReadsItsFileOnce) {
    const test::FakeProc proc;
    const Procfs procfs(proc.root());
    proc.write("7/status", "Name:\tx\nThreads:\t3\n");
    const ProcessFiles process(procfs, 7);
    EXPECT_EQ(*process.threads(), 3U);
    proc.write("7/status", "Name:\tx\nThreads:\t4\n");
    EXPECT_EQ(*process.threads(), 3U);
}

}  // namespace
}  // namespace brink::kernel
