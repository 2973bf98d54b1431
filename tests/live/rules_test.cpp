// SPDX-License-Identifier: Apache-2.0
// brinkd: rules, what it keeps of them, and how it bears a new configuration.
#include "rule_daemon.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <regex>
#include <set>

namespace brink::live {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;

// A rule about a shell that takes descriptors 3 to 9 and stays.
std::string holder(const std::string& name, const std::string& rest) {
    return "[[rule]]\nname = \"" + name +
           "\"\ncommand = [\"/bin/sh\", \"-c\", \"for i in 3 4 5 6 7 8 9; do eval exec $i\\\\<"
           "/dev/null; done; kill -STOP $$\"]\n" +
           rest;
}

std::string types_of(const std::vector<std::string>& lines) {
    std::string types;
    for (const std::string& line : lines) {
        const auto event = nlohmann::json::parse(line);
        types += event.value("type", "") + ":" +
                 event.value("action", event.value("level_as", "")) + ":" +
                 event.value("result", "") + " ";
    }
    return types;
}

long pid_said(RuleDaemon& daemon) {
    std::smatch match;
    const std::string said = daemon.said();
    return std::regex_search(said, match, std::regex("runs as process ([0-9]+)"))
               ? std::stol(match[1])
               : 0;
}

TEST(Rules, ARuleWatchesWritesAndActs) {
    RuleDaemon daemon(
        holder("hold", "watch = \"nofile=5,8:up\"\non = [\"5=log\", \"8=exec:echo $BRINK_USAGE "
                       ">&2\", \"8=raise:4096\", \"8=webhook:pager\", \"8=evidence\"]\n"),
        {.soft_limit = 64, .hard_limit = 128});
    ASSERT_TRUE(daemon.wait_for_line("evidence done")) << daemon.said();
    ASSERT_TRUE(daemon.wait_for_line("exec:echo.* done"));
    ASSERT_TRUE(daemon.wait_for_line("raise:4096 done"));
    ASSERT_TRUE(eventually([&] { return daemon.events().size() >= 6; }));
    const auto lines = daemon.events({"-r", "nofile"});
    EXPECT_THAT(types_of(lines), HasSubstr("crossing:5: crossing:8: action:evidence:done "));
    EXPECT_THAT(lines, Contains(HasSubstr("\"rule\":\"hold\"")));
    EXPECT_THAT(lines,
                Contains(AllOf(HasSubstr("\"action\":\"webhook:pager\",\"result\":\"queued\""),
                               HasSubstr("\"usage\":8,\"limit\":"))));
    rlimit after{};
    ASSERT_EQ(::prlimit(static_cast<pid_t>(pid_said(daemon)), RLIMIT_NOFILE, nullptr, &after), 0);
    EXPECT_EQ(after.rlim_cur, 128U);
    const auto status = daemon.status();
    EXPECT_EQ(status["rules"][0]["acted"], 4);
    EXPECT_EQ(status["rules"][0]["name"], "hold");
    EXPECT_TRUE(daemon.history_is_intact());
}

TEST(Rules, DryRunOnlySays) {
    RuleDaemon daemon(
        holder("hold", "watch = \"nofile=8:up\"\non = \"8=signal:KILL\"\ndry_run = true\n"));
    ASSERT_TRUE(daemon.wait_for_line("signal:KILL dry_run"));
    EXPECT_TRUE(alive(static_cast<pid_t>(pid_said(daemon))));
}

TEST(Rules, ASupervisedCommandIsStartedAgainAndARuleActsSoOften) {
    RuleDaemon daemon(
        holder("hold", "watch = \"nofile=8:up\"\non = \"8=signal:KILL\"\nrestart_delay = \"1ms\"\n"
                       "max_per_hour = 3\ncool_down = \"1ms\"\n"));
    ASSERT_TRUE(daemon.wait_for_line("was killed by signal 9"));
    ASSERT_TRUE(daemon.wait_for_line("signal:KILL refused.*acted 3 times within an hour"));
    ASSERT_TRUE(eventually([&] {
        return types_of(daemon.events({"--type", "crossing,action"}))
            .ends_with("action:signal:KILL:sent crossing:8: action:signal:KILL:refused ");
    }));
}

TEST(Rules, ANewConfigurationDisturbsOnlyWhatChanged) {
    const std::string a = holder("a", "watch = \"nofile=500\"\n");
    const std::string b = holder("b", "watch = \"nofile=500\"\n");
    RuleDaemon daemon(a + b);
    ASSERT_TRUE(daemon.wait_for_line("rule a: .* runs as process"));
    const long first = pid_said(daemon);
    daemon.write_configuration(a + holder("b", "watch = \"nofile=501\"\n"));
    daemon.child().signal(SIGHUP);
    ASSERT_TRUE(daemon.wait_for_line("rules: 2 at work \\(1 unchanged, 1 ended\\), 0 not"));
    EXPECT_TRUE(alive(static_cast<pid_t>(first)));

    daemon.write_configuration("[[rule]]\nnmae = \"x\"\n");
    daemon.child().signal(SIGHUP);
    ASSERT_TRUE(daemon.wait_for_line("brink.toml:4:1: there is no key 'nmae'"));
    ASSERT_TRUE(daemon.wait_for_line("refused; the one before holds"));
    EXPECT_TRUE(alive(static_cast<pid_t>(first)));
    EXPECT_EQ(daemon.status()["rules"].size(), 2U);
}

// What is not counted for processes has a source of its own: it is read, and ends with the rule.
TEST(Rules, ARuleAboutAUser) {
    constexpr uid_t kUser = 54'321;  // nobody's but this test's
    const auto sleep = [&] {
        return std::make_unique<Child>(std::vector<std::string>{"/bin/sleep", "600"},
                                       ChildOptions{.uid = kUser});
    };
    RuleDaemon daemon("[[rule]]\nname = \"crowd\"\nuser = \"54321\"\nwatch = \"nproc=3\"\n"
                      "on = \"3=exec:echo $BRINK_RESOURCE at $BRINK_USAGE of $BRINK_UID >&2\"\n");
    ASSERT_TRUE(daemon.wait_for_line("rules: 1 at work"));
    std::vector<std::unique_ptr<Child>> children;
    for (int i = 0; i < 3; ++i) children.push_back(sleep());
    ASSERT_TRUE(daemon.wait_for_line("nproc at 3 of 54321"));
    children.pop_back();
    const auto seen = [&] { return daemon.events({"-r", "nproc"}); };
    ASSERT_TRUE(eventually([&] {
        const auto lines = seen();  // what the action has come to may be said before it or after it
        return std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
            return line.find("\"direction\":\"down\"") != std::string::npos;
        });
    }));
    // The same user again, by another process: not before the cool-down is over.
    children.push_back(sleep());
    ASSERT_TRUE(daemon.wait_for_line("exec:.* refused")) << daemon.said();
    daemon.write_configuration("");
    daemon.child().signal(SIGHUP);
    ASSERT_TRUE(daemon.wait_for_line("rules: 0 at work \\(0 unchanged, 1 ended\\), 0 not"));
    const std::size_t before = seen().size();
    children.push_back(sleep());
    daemon.stop();
    EXPECT_EQ(seen().size(), before);
}

TEST(Rules, NothingIsAttachedAfterItsEnd) {
    std::set<std::uint32_t> programs;
    {
        RuleDaemon daemon(holder("hold", "watch = \"nofile=500\"\n"));
        ASSERT_TRUE(daemon.wait_for_line("runs as process"));
        programs = bpf_programs_of(daemon.child().pid());
        EXPECT_FALSE(programs.empty());
    }
    EXPECT_TRUE(eventually([&] { return none_loaded(programs); }));
}

}  // namespace
}  // namespace brink::live
