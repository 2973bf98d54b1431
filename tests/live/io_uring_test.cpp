// SPDX-License-Identifier: Apache-2.0
// Opens and closes through io_uring, inline and by worker threads of the kernel.
#include <gtest/gtest.h>

#include "logged_workload.hpp"

namespace brink::live {
namespace {

void opens_through_io_uring(bool by_workers) {
    if (engine() != "kernel")
        GTEST_SKIP() << "the " << engine()
                     << " engine does not see what workers of io_uring open (product.md, 1.)";
    const LogFile file(20000);
    const WatchedLevels levels{{"20", "25", "29"}};
    std::vector<std::string> command = {work("uring"), "50", "--low", "15", "--high", "30"};
    if (by_workers) command.push_back("--async");
    const LoggedRun run = run_logged(file, levels, 100, command);
    if (run.status == 77) GTEST_SKIP() << "no io_uring here";
    ASSERT_EQ(run.status, 0) << run.out;
    check_stream(run.events);
    EXPECT_EQ(of_type(run.events, "crossing").size(), 50U * 6);
    check_against_log(run.events, file.log(), levels);
}

TEST(IoUring, Inline) { opens_through_io_uring(false); }
TEST(IoUring, ByWorkers) { opens_through_io_uring(true); }

}  // namespace
}  // namespace brink::live
