// SPDX-License-Identifier: Apache-2.0
// Ending a command with everything that came from it.
#include "action/process_tree_end.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "kernel/procfs.hpp"

namespace brink::action {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// A shell command that tells on a pipe when it is ready.
class Command {
  public:
    explicit Command(const std::string& script) {
        int ends[2];
        if (::pipe(ends) != 0) return;
        pid_ = ::fork();
        if (pid_ == 0) {
            ::dup2(ends[1], 9);
            ::execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
            ::_exit(127);
        }
        char byte = 0;
        (void)!::read(ends[0], &byte, 1);
        ::close(ends[0]);
        ::close(ends[1]);
        if (const auto stat = kernel::Procfs().stat(pid_)) start_time_ = stat->start_time;
    }
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;
    ~Command() {
        if (pid_ > 0) ::kill(pid_, SIGKILL);
        reap();
    }
    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] std::uint64_t start_time() const { return start_time_; }
    static void reap() {
        while (::waitpid(-1, nullptr, WNOHANG) > 0) {
        }
    }

  private:
    pid_t pid_ = -1;
    std::uint64_t start_time_ = 0;
};

class ProcessTree : public ::testing::Test {
  protected:
    void SetUp() override { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }
    void TearDown() override {
        ::prctl(PR_SET_CHILD_SUBREAPER, 0);
        for (int i = 0; i < 100; ++i) {
            Command::reap();
            if (kernel::Procfs().children(::getpid()).empty()) return;
            ::usleep(10'000);
        }
    }

    static ActionOutcome end(const Command& command, milliseconds grace,
                             std::function<bool(pid_t)> spare = nullptr) {
        TreeEndOptions options;
        options.grace = grace;
        options.subreaper = ::getpid();
        options.spare = std::move(spare);
        auto begun = ProcessTreeEnd::begin(kernel::Procfs(), command.pid(), command.start_time(),
                                           options);
        if (!begun) return failed(begun.error().message);
        ProcessTreeEnd& tree = **begun;
        const auto deadline = Clock::now() + std::chrono::seconds(10);
        while (!tree.done() && Clock::now() < deadline) {
            pollfd waiting{tree.fd(), POLLIN, 0};
            ::poll(&waiting, 1, tree.timeout_ms());
            Command::reap();
            tree.step();
        }
        Command::reap();
        return tree.done() ? tree.outcome() : failed("did not end");
    }
};

TEST_F(ProcessTree, EndsAllByTerm) {
    const Command command("sleep 100 & (sleep 100 & wait) & echo >&9; wait");
    const auto before = Clock::now();
    const ActionOutcome outcome = end(command, std::chrono::seconds(8));
    EXPECT_EQ(outcome.result, "done") << outcome.detail;
    EXPECT_EQ(outcome.detail.find("SIGKILL"), std::string::npos) << outcome.detail;
    EXPECT_LT(Clock::now() - before, std::chrono::seconds(4));
    EXPECT_TRUE(kernel::Procfs().children(::getpid()).empty());
}

TEST_F(ProcessTree, KillsAfterTheGrace) {
    const Command command("trap '' TERM; sleep 100 & echo >&9; while :; do wait; done");
    const auto before = Clock::now();
    const ActionOutcome outcome = end(command, milliseconds(200));
    EXPECT_EQ(outcome.result, "done");
    EXPECT_NE(outcome.detail.find("by SIGKILL"), std::string::npos) << outcome.detail;
    EXPECT_GE(Clock::now() - before, milliseconds(200));
}

TEST_F(ProcessTree, FindsThoseWhoseParentIsGone) {
    // The middle one ends at once: its child has become ours.
    const Command command("(trap '' TERM; sleep 101 & sleep 101 & exit) ; echo >&9; wait");
    EXPECT_EQ(end(command, milliseconds(300)).result, "done");
    EXPECT_TRUE(kernel::Procfs().children(::getpid()).empty());
}

TEST_F(ProcessTree, WakesTheStopped) {
    const Command command("trap 'exit 0' TERM; echo >&9; kill -STOP $$; while :; do sleep 1; done");
    for (int i = 0; i < 500 && kernel::Procfs().stat(command.pid())->state != 'T'; ++i)
        ::usleep(10'000);
    const ActionOutcome outcome = end(command, std::chrono::seconds(8));
    EXPECT_EQ(outcome.detail.find("SIGKILL"), std::string::npos) << outcome.detail;
}

TEST_F(ProcessTree, SparesWhomItIsTold) {
    const Command spared("echo >&9; exec sleep 100");
    const Command command("echo >&9; exec sleep 100");
    const pid_t keep = spared.pid();
    EXPECT_EQ(end(command, milliseconds(300), [=](pid_t pid) { return pid == keep; }).result,
              "done");
    EXPECT_EQ(::kill(keep, 0), 0);
    EXPECT_NE(kernel::Procfs().stat(keep)->state, 'Z');
}

TEST_F(ProcessTree, LeavesTheNextOwnerOfThePidAlone) {
    const Command stranger("echo >&9; exec sleep 100");
    TreeEndOptions options;
    options.grace = milliseconds(100);
    auto begun = ProcessTreeEnd::begin(kernel::Procfs(), stranger.pid(), stranger.start_time() + 1,
                                       options);
    ASSERT_TRUE(begun);
    EXPECT_TRUE((*begun)->done());
    ::usleep(50'000);
    EXPECT_NE(kernel::Procfs().stat(stranger.pid())->state, 'Z');
}

}  // namespace
}  // namespace brink::action
