// SPDX-License-Identifier: Apache-2.0
#include "resource/survey.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "../../support/fake_proc.hpp"

namespace brink::resource {
namespace {

TEST(Survey, SharesAreRoundedDownAndSurviveZero) {
    EXPECT_EQ(permille({.usage = 2, .limit = 3}), 666U);
    EXPECT_EQ(permille({.usage = 0, .limit = 0}), 0U);
    EXPECT_EQ(permille({.usage = 5, .limit = 0}), 5000U);
    EXPECT_EQ(permille({.usage = ~0ULL - 1, .limit = ~0ULL - 1}), 1000U);
    EXPECT_FALSE(permille({.usage = 5}));
}

RC_GTEST_PROP(Survey, NearerIsAnOrder,
              (std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d)) {
    const Reading x{.usage = a, .limit = b};
    const Reading y{.usage = c, .limit = d};
    RC_ASSERT(!nearer(x, x));
    RC_ASSERT(!(nearer(x, y) && nearer(y, x)));
    RC_ASSERT(!nearer(Reading{.usage = a}, y) || d == kUnlimited);
}

// Two processes, a kernel thread, and one that is gone between the listing and the look.
TEST(Survey, NearestFirstAndNoKernelThreads) {
    const test::FakeProc proc;
    const auto process = [&](pid_t pid, const char* comm, const char* memory, const char* limit) {
        proc.process(pid, comm, 1, 100);
        proc.write(std::to_string(pid) + "/status",
                   std::string("Name:\t") + comm + "\nTgid:\t" + std::to_string(pid) +
                       "\nUid:\t5\t5\t5\t5\n" + memory + "Threads:\t1\n");
        proc.write(std::to_string(pid) + "/limits",
                   std::string("Max address space         ") + limit + "  bytes\n");
    };
    process(7, "far", "VmSize:\t100 kB\n", "1024000   2048000");
    process(8, "near", "VmSize:\t900 kB\n", "1024000   unlimited");
    process(9, "free", "VmSize:\t5000 kB\n", "unlimited unlimited");
    process(10, "kthread", "", "unlimited unlimited");
    proc.write("11/cmdline", "");
    kernel::Machine machine(proc.root());
    Survey survey = read_survey(machine, {find_resource("as"), find_resource("locks")});
    ASSERT_EQ(survey.rows.size(), 3U);
    EXPECT_EQ(survey.rows[0].subject.pid, 8);
    EXPECT_EQ(survey.rows[0].reading.usage, 900U * 1024);
    EXPECT_EQ(survey.rows[0].reading.limit_hard, kUnlimited);
    EXPECT_EQ(survey.rows[1].subject.pid, 7);
    EXPECT_EQ(survey.rows[2].subject.pid, 9);
    EXPECT_EQ(survey.rows[2].reading.limit, kUnlimited);
    ASSERT_EQ(survey.remarks.size(), 1U);
    EXPECT_EQ(survey.remarks[0].resource->name, "locks");
    EXPECT_TRUE(survey.remarks[0].nothing);
    const auto nearest = nearest_of_each(survey);
    ASSERT_EQ(nearest.size(), 1U);
    EXPECT_EQ(nearest[0].of, 3U);
    name_process(machine, *nearest[0].row);
    EXPECT_EQ(nearest[0].row->subject.name, "near[8]");
    EXPECT_EQ(nearest[0].row->subject.uid, 5U);
}

}  // namespace
}  // namespace brink::resource
