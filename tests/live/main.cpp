// SPDX-License-Identifier: Apache-2.0
// The live tests as one program, on the host and in guests alike. It needs root, /proc, /tmp, and
// busybox as /bin/sh and /bin/busybox; in a guest BRINK, BRINK_ENGINE and BRINK_WORK say where things are.
#include <gtest/gtest.h>
#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char** argv) {
    // Whatever descriptors the caller left open would count in every workload.
    ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
