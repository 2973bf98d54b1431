// SPDX-License-Identifier: Apache-2.0
// Commands of `exec:` actions: what they get, how they end, how many there may be.
#include "action/exec.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "../../support/fake_proc.hpp"

namespace brink::action {
namespace {

using Clock = std::chrono::steady_clock;

class Exec : public ::testing::Test {
  protected:
    void make(const ExecOptions& options = {}, OriginalState original = empty_state()) {
        auto made = ExecRunner::create(std::move(original), options);
        ASSERT_TRUE(made);
        runner_ = std::move(*made);
    }

    static OriginalState empty_state() {
        OriginalState state;
        ::sigemptyset(&state.signal_mask);
        return state;
    }

    void run(const std::string& command) {
        runner_->run(command, event_, "{\"type\":\"crossing\"}",
                     [this](ActionOutcome outcome) { outcomes_.push_back(std::move(outcome)); });
    }

    // Drives the loop until `n` have ended, at most ten seconds.
    void wait(std::size_t n) {
        const auto deadline = Clock::now() + std::chrono::seconds(10);
        while (outcomes_.size() < n && Clock::now() < deadline) {
            pollfd waiting{runner_->fd(), POLLIN, 0};
            const int timeout = runner_->timeout_ms();
            ::poll(&waiting, 1, timeout < 0 ? 100 : std::min(timeout, 100));
            runner_->on_readable();
        }
        ASSERT_EQ(outcomes_.size(), n);
    }

    [[nodiscard]] std::string file(const std::string& name) const {
        return files_.root() + "/" + name;
    }
    [[nodiscard]] std::string content(const std::string& name) const {
        std::ifstream in(file(name));
        return {std::istreambuf_iterator<char>(in), {}};
    }

    std::unique_ptr<ExecRunner> runner_;
    Event event_;
    std::vector<ActionOutcome> outcomes_;
    test::FakeProc files_;
};

TEST_F(Exec, GetsTheEventOnStandardInput) {
    make();
    run("cat >" + file("in"));
    wait(1);
    EXPECT_EQ(content("in"), "{\"type\":\"crossing\"}\n");
    EXPECT_EQ(outcomes_[0].result, "done");
    EXPECT_TRUE(runner_->idle());
    EXPECT_EQ(runner_->timeout_ms(), -1);
}

TEST_F(Exec, ALongEventNeedsNoReader) {
    make();
    runner_->run("exec sleep 0", event_, std::string(1 << 20, 'x'),
                 [this](ActionOutcome outcome) { outcomes_.push_back(std::move(outcome)); });
    wait(1);
    EXPECT_EQ(outcomes_[0].result, "done");
}

TEST_F(Exec, GetsVariables) {
    event_.type = EventType::limit_changed;
    event_.resource = "nofile";
    event_.direction = Direction::down;
    event_.level = 820;
    event_.level_as = "80%";
    event_.usage = 819;
    event_.has_limit = true;
    event_.scope = "process";
    event_.uid = 1000;
    event_.pid = 1234;
    event_.comm = "$(touch x); `y` \"z\nw";
    event_.seq = 17;
    event_.host = "web1";
    ::setenv("BRINK_TID", "stale", 1);
    ::setenv("OTHER", "kept", 1);
    make();
    run("env | grep -E '^(BRINK_|OTHER|w)' | sort >" + file("env"));
    wait(1);
    ::unsetenv("BRINK_TID");
    EXPECT_EQ(content("env"),
              "BRINK_COMM=$(touch x); `y` \"z\nBRINK_DIRECTION=down\nBRINK_HOST=web1\n"
              "BRINK_LEVEL=820\nBRINK_LEVEL_AS=80%\nBRINK_LIMIT=unlimited\nBRINK_PID=1234\n"
              "BRINK_RESOURCE=nofile\nBRINK_SCOPE=process\nBRINK_SEQ=17\nBRINK_TYPE=limit_changed\n"
              "BRINK_UID=1000\nBRINK_USAGE=819\n"
              "OTHER=kept\nw\n");
}

TEST_F(Exec, OutputGoesToStandardError) {
    make();
    run("test \"$(readlink /proc/$$/fd/1)\" = \"$(readlink /proc/$$/fd/2)\"");
    wait(1);
    EXPECT_EQ(outcomes_[0].result, "done");
}

TEST_F(Exec, GetsNoDescriptorButTheStandardOnes) {
    make();
    const int stray = ::open("/dev/null", O_RDONLY);  // not close-on-exec
    run("exec ls /proc/self/fd >" + file("fds"));
    wait(1);
    ::close(stray);
    EXPECT_EQ(content("fds"), "0\n1\n2\n3\n");  // 3: the directory that ls reads
}

TEST_F(Exec, SaysHowItEnded) {
    make();
    run("exit 3");
    wait(1);
    run("kill -9 $$");
    wait(2);
    EXPECT_EQ(outcomes_[0].result, "failed");
    EXPECT_EQ(outcomes_[0].detail, "command ended with status 3");
    EXPECT_EQ(outcomes_[1].detail, "command was killed by signal 9");
}

TEST_F(Exec, ACommandMayBeginWithADash) {
    make();
    run("-nosuch");
    wait(1);
    EXPECT_EQ(outcomes_[0].detail, "command ended with status 127");
}

TEST_F(Exec, GetsBackTheLimits) {
    OriginalState original = empty_state();
    original.limits.emplace_back(RLIMIT_NOFILE, rlimit{77, 78});
    make({}, std::move(original));
    run("ulimit -n >" + file("limit"));
    wait(1);
    EXPECT_EQ(content("limit"), "77\n");
}

TEST_F(Exec, WhatWasIgnoredStaysSoButForSigpipe) {
    const auto pipe_before = ::signal(SIGPIPE, SIG_IGN);
    const auto hup_before = ::signal(SIGHUP, SIG_IGN);
    make();
    run("exec grep SigIgn /proc/self/status >" + file("ignored"));
    wait(1);
    ::signal(SIGPIPE, pipe_before);
    ::signal(SIGHUP, hup_before);
    EXPECT_EQ(content("ignored"), "SigIgn:\t0000000000000001\n");
}

TEST_F(Exec, AtMostSoManyAtOnceTheRestWaits) {
    make({.at_once = 2, .queue = 3});
    for (int i = 0; i < 7; ++i) run("echo x >>" + file("runs") + "; sleep 0.2");
    ASSERT_EQ(outcomes_.size(), 2U);
    EXPECT_EQ(outcomes_[0].result, "failed");
    EXPECT_EQ(outcomes_[0].detail, "not started: 3 commands already wait for others to end");
    wait(7);
    EXPECT_EQ(content("runs"), "x\nx\nx\nx\nx\n");
}

TEST_F(Exec, TheTimeLimitEndsTheWholeGroup) {
    make({.time_limit = std::chrono::milliseconds(1000), .grace = std::chrono::milliseconds(100)});
    run("sleep 100 & echo $! >" + file("child") + "; wait");
    run("trap '' TERM; sleep 100 & wait; sleep 100");
    wait(2);
    EXPECT_EQ(outcomes_[0].detail, "command did not end within 1 s: terminated");
    EXPECT_EQ(outcomes_[1].detail, "command did not end within 1 s: killed");
    const pid_t child = std::stoi(content("child"));
    for (int i = 0; i < 100 && ::kill(child, 0) == 0; ++i) ::usleep(10'000);
    std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
    std::string number, comm, state;
    stat >> number >> comm >> state;
    EXPECT_TRUE(state.empty() || state == "Z") << state;
}

TEST_F(Exec, OwnsItsCommandsAndTheirGroups) {
    make();
    run("sleep 100 & echo $! >" + file("child") + "; echo $$ >" + file("self") + "; wait");
    for (int i = 0; i < 500 && content("self").empty(); ++i) ::usleep(10'000);
    const pid_t self = std::stoi(content("self"));
    const pid_t child = std::stoi(content("child"));
    EXPECT_TRUE(runner_->owns(self));
    EXPECT_TRUE(runner_->owns(child));
    EXPECT_FALSE(runner_->owns(::getpid()));
    EXPECT_FALSE(runner_->owns(1));
    ::kill(self, SIGKILL);
    wait(1);
    EXPECT_TRUE(runner_->owns(child));
    ::kill(child, SIGKILL);
}

}  // namespace
}  // namespace brink::action
