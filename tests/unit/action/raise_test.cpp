// SPDX-License-Identifier: Apache-2.0
#include "action/raise.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../support/child_process.hpp"
#include "action/spared.hpp"

namespace brink::action {
namespace {

using testing::HasSubstr;

struct RaiseTest : testing::Test {
    kernel::Procfs procfs;
    test::ChildProcess child{[](char) {}};

    std::uint64_t start_time() const { return procfs.stat(child.pid()).value().start_time; }
    void limit(rlim_t soft, rlim_t hard) const {
        const rlimit values{soft, hard};
        ASSERT_EQ(::prlimit(child.pid(), RLIMIT_NOFILE, &values, nullptr), 0);
    }
    rlim_t soft() const {
        rlimit values{};
        ::prlimit(child.pid(), RLIMIT_NOFILE, nullptr, &values);
        return values.rlim_cur;
    }
    ActionOutcome raise(std::uint64_t ceiling) const {
        return raise_limit(procfs, {child.pid(), start_time(), {RLIMIT_NOFILE}, ceiling});
    }
};

TEST_F(RaiseTest, DoublesUpToTheCeiling) {
    limit(100, 1000);
    EXPECT_EQ(raise(300).result, "done");
    EXPECT_EQ(soft(), 200U);
    EXPECT_EQ(raise(300).detail, "the soft limit is 300, was 200");
    EXPECT_EQ(soft(), 300U);
    EXPECT_EQ(raise(300).result, "refused");
    EXPECT_EQ(soft(), 300U);
}

TEST_F(RaiseTest, NeverBeyondTheHardLimit) {
    limit(100, 150);
    EXPECT_EQ(raise(1000).result, "done");
    EXPECT_EQ(soft(), 150U);
    EXPECT_EQ(raise(1000).result, "refused");
}

TEST_F(RaiseTest, TheRlimitsOwnUnit) {
    limit(100, 1000);
    const ActionOutcome outcome =
        raise_limit(procfs, {child.pid(), start_time(), {RLIMIT_NOFILE, 10}, 1500});
    EXPECT_EQ(outcome.result, "done");
    EXPECT_EQ(soft(), 150U);
}

TEST_F(RaiseTest, SparesWhatIsNeverActedOn) {
    const auto why_not = [&](pid_t pid) {
        const auto stat = procfs.stat(pid);
        const auto held = take_hold(procfs, pid, stat ? stat->start_time : 0);
        return held ? "none" : held.error().message;
    };
    EXPECT_EQ(why_not(1), "process 1 is never acted on");
    EXPECT_EQ(why_not(::getpid()), "brink never acts on itself");
    EXPECT_EQ(why_not(0), "it is no process that could be acted on");
    if (const auto kthreadd = procfs.stat(2); kthreadd && kthreadd->comm == "kthreadd") {
        EXPECT_EQ(why_not(2), "threads of the kernel are never acted on");
    }
    EXPECT_EQ(why_not(child.pid()), "none");
}

TEST_F(RaiseTest, ALaterOwnerOfTheNumberIsNotMeant) {
    const auto held = take_hold(procfs, child.pid(), start_time() + 1);
    ASSERT_FALSE(held);
    EXPECT_THAT(held.error().message, HasSubstr("is gone"));
    EXPECT_EQ(raise_limit(procfs, {child.pid(), start_time() + 1, {RLIMIT_NOFILE}, 1}).result,
              "failed");
}

}  // namespace
}  // namespace brink::action
