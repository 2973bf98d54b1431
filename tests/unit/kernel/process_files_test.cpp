// SPDX-License-Identifier: Apache-2.0
#include "kernel/process_files.hpp"

#include <gtest/gtest.h>
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
    EXPECT_EQ(*process.number("Uid"), 10U);
    EXPECT_EQ(*process.bytes("VmSize"), 3060U * 1024);
    EXPECT_EQ(*process.number("Threads"), 3U);
    EXPECT_EQ(*process.status("Vm"), "");
}

TEST_F(ProcessFilesTest, WhatAKernelThreadHasNotIsNotZero) {
    const ProcessFiles process(procfs_, 8);
    EXPECT_EQ(*process.status("VmSize"), "");
    EXPECT_EQ(process.bytes("VmSize").error().code, ESRCH);
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
    EXPECT_EQ(*process.number("Threads"), 3U);
    proc.write("7/status", "Name:\tx\nThreads:\t4\n");
    EXPECT_EQ(*process.number("Threads"), 3U);
}

}  // namespace
}  // namespace brink::kernel
