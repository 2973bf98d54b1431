// SPDX-License-Identifier: Apache-2.0
#include "action/signal.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include "../../support/child_process.hpp"
#include "kernel/process_identity.hpp"

namespace brink::action {
namespace {

TEST(SendSignal, ReachesTheProcessAndNoLaterOne) {
    test::ChildProcess child([](char) {});
    const auto who = kernel::ProcessIdentity::take(kernel::Procfs(), child.pid());
    ASSERT_TRUE(who);
    EXPECT_EQ(send_signal(who->pidfd(), child.pid(), SIGUSR1).result, "sent");
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT), 0);
    EXPECT_EQ(info.si_status, SIGUSR1);
    const pid_t pid = child.pid();
    child.end();
    const ActionOutcome late = send_signal(who->pidfd(), pid, SIGUSR1);
    EXPECT_EQ(late.result, "failed");
    EXPECT_EQ(late.detail, "process " + std::to_string(pid) + " is gone");
    EXPECT_EQ(send_signal(-1, pid, SIGUSR1).result, "failed");
}

TEST(SendSignal, SaysWhatIsWrong) {
    const test::ChildProcess child([](char) {});
    const auto who = kernel::ProcessIdentity::take(kernel::Procfs(), child.pid());
    ASSERT_TRUE(who);
    EXPECT_EQ(send_signal(who->pidfd(), child.pid(), 999).detail,
              "signal 999 to process " + std::to_string(child.pid()) + ": Invalid argument");
}

}  // namespace
}  // namespace brink::action
