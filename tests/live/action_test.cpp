// SPDX-License-Identifier: Apache-2.0
// What brink does at a crossing: exec, restart, evidence, fail. (signal: in refusal_test.cpp)
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <sstream>

#include "brink_process.hpp"

namespace brink::live {
namespace {

RunOptions acting(const std::string& level, const std::string& action, unsigned soft_limit = 100) {
    RunOptions options;
    options.watches = {"nofile=" + level};
    options.actions = {level + "=" + action};
    options.child.soft_limit = soft_limit;
    return options;
}

TEST(Action, ExecGetsTheEventOnStandardInput) {
    const ScratchFolder folder;
    RunOptions options = acting("20", "exec:cat > " + (folder / "part") + "; env > " +
                                          (folder / "env") + "; mv " + (folder / "part") + " " +
                                          (folder / "event"));
    BrinkRun run(options, {work("puppet")});
    Puppet puppet(run);
    // A name that a shell would act on, were it ever put on a command line.
    ASSERT_EQ(puppet("comm $(>" + std::string("/tmp/x)")), 0);
    ASSERT_TRUE(puppet.to(25));
    ASSERT_TRUE(eventually([&] { return ::access((folder / "event").c_str(), F_OK) == 0; }));
    puppet.child().send("exit 0");
    EXPECT_EQ(run.wait(), 0);
    const Event event = Event::parse(read_file(folder / "event"), nullptr, false);
    ASSERT_TRUE(event.is_object()) << read_file(folder / "event");
    EXPECT_EQ(type_of(event), "crossing");
    EXPECT_EQ(event.value("direction", ""), "up");
    EXPECT_EQ(event.value("level_as", ""), "20");
    EXPECT_EQ(event.value("pid", 0), puppet.pid());
    EXPECT_EQ(event.value("comm", ""), "$(>/tmp/x)");
    EXPECT_NE(read_file(folder / "env").find("\nBRINK_"), std::string::npos)
        << read_file(folder / "env");
    EXPECT_NE(read_file(folder / "env").find(std::to_string(puppet.pid())), std::string::npos);
    EXPECT_FALSE(of_type(run.events(), "action").empty());
}

// On the way up only, unless the way down is asked for; at each crossing once.
TEST(Action, ExecOncePerCrossing) {
    const ScratchFolder folder;
    RunOptions options = acting("20", "exec:echo up >> " + (folder / "log"));
    options.actions.push_back("20:down=exec:echo down >> " + (folder / "log"));
    BrinkRun run(options, {work("puppet")});
    Puppet puppet(run);
    const auto lines = [&](const std::string& word) {
        std::istringstream text(read_file(folder / "log"));
        int found = 0;
        for (std::string line; std::getline(text, line);) found += line == word ? 1 : 0;
        return found;
    };
    for (int i = 1; i <= 3; ++i) {
        ASSERT_TRUE(puppet.to(20));
        ASSERT_TRUE(eventually([&] { return lines("up") >= i; }));
        ASSERT_TRUE(puppet.to(19));
        ASSERT_TRUE(eventually([&] { return lines("down") >= i; }));
    }
    puppet.child().send("exit 0");
    EXPECT_EQ(run.wait(), 0);
    EXPECT_EQ(lines("up"), 3);
    EXPECT_EQ(lines("down"), 3);
}

// The command is gone, an exec command is not: brink waits for it, until it is told to end.
TEST(Action, ASignalEndsTheWaitForExec) {
    const ScratchFolder folder;
    BrinkRun run(acting("20", "exec:echo $$ > " + (folder / "pid") + "; exec sleep 1000"),
                 {work("puppet")});
    Puppet puppet(run);
    ASSERT_TRUE(puppet.to(25));
    ASSERT_TRUE(eventually([&] { return !read_file(folder / "pid").empty(); }));
    const pid_t sleeper = std::stoi(read_file(folder / "pid"));
    puppet.child().send("exit 3");
    ASSERT_TRUE(run.wait_for_event([](const Event& event) { return type_of(event) == "exit"; }));
    EXPECT_TRUE(alive(sleeper));
    run.child().signal(SIGTERM);
    EXPECT_EQ(run.wait(), 3) << "the status of the command";
    EXPECT_FALSE(alive(sleeper));
    const Events actions = of_type(run.events(), "action");
    ASSERT_EQ(actions.size(), 1U);
    EXPECT_EQ(actions[0].value("detail", ""), "brink was told to end: terminated");
}

// Evidence is read after the crossing. Where the subject has moved on, that is said.
TEST(Action, EvidenceSaysThatTheSubjectHasMovedOn) {
    BrinkRun run(acting("20", "evidence"), {work("puppet")});
    Puppet puppet(run);
    run.child().signal(SIGSTOP);
    ASSERT_TRUE(puppet.to(25));
    run.child().signal(SIGCONT);
    const auto is_action = [](const Event& event) { return type_of(event) == "action"; };
    ASSERT_TRUE(run.wait_for_event(is_action));
    puppet.child().send("exit 0");
    EXPECT_EQ(run.wait(), 0);
    const Event action = of_type(run.events(), "action").front();
    EXPECT_EQ(action.value("detail", "").substr(0, 42), "20 at the crossing, 25 when it was read");
    EXPECT_EQ(number(action["evidence"], "total"), 25);
}

TEST(Action, FailMakesALeakTest) {
    for (const auto& [to, own_status, expected] :
         {std::tuple<int, int, int>{25, 0, 1}, {19, 0, 0}, {19, 7, 7}, {25, 7, 1}}) {
        BrinkRun run(acting("20", "fail"), {work("puppet")});
        Puppet puppet(run);
        ASSERT_TRUE(puppet.to(to));
        ASSERT_TRUE(puppet.to(10)) << "it is left to run to its end";
        puppet.child().send("exit " + std::to_string(own_status));
        EXPECT_EQ(run.wait(), expected) << "to " << to << ", own status " << own_status;
    }
}

// The demo's promise: restarted before EMFILE, again and again, until the bound; then left running, and said so.
TEST(Action, RestartBeforeEmfile) {
    RunOptions options = acting("90%", "restart", 256);
    options.further = {"--restart-grace", "10s", "--restart-delay", "10ms", "--restart-max", "2"};
    BrinkRun run(options, {work("leaky"), "--per-second", "100"});
    const auto at_level = [&] {
        std::set<pid_t> pids;
        for (const Event& event : of_type(run.events(), "crossing"))
            if (event.value("direction", "") == "up") pids.insert(event["pid"].get<pid_t>());
        return pids;
    };
    ASSERT_TRUE(eventually([&] { return at_level().size() == 3; })) << run.child().err();
    // The third is left alone, and does see what the others were spared.
    ASSERT_TRUE(run.wait_for_event([](const Event& event) { return type_of(event) == "denied"; }));
    run.child().signal(SIGTERM);
    EXPECT_EQ(run.wait(), 0);
    const std::vector<std::string> lines = run.child().out_lines();
    ASSERT_EQ(lines.size(), 3U) << run.child().out();
    EXPECT_NE(lines[0].find("never saw EMFILE"), std::string::npos) << lines[0];
    EXPECT_NE(lines[1].find("never saw EMFILE"), std::string::npos) << lines[1];
    EXPECT_NE(lines[2].find("saw EMFILE"), std::string::npos) << lines[2];
    EXPECT_EQ(lines[2].find("never"), std::string::npos) << lines[2];
    const Events actions = of_type(run.events(), "action");
    ASSERT_FALSE(actions.empty());
    EXPECT_EQ(std::count_if(actions.begin(), actions.end(),
                            [](const Event& event) {
                                return event.value("result", "") == "refused";
                            }),
              1)
        << "that it was not restarted again is said";
}

// The command and its descendants go; the grace is over for those that ignore SIGTERM.
TEST(Action, RestartTakesTheDescendantsToo) {
    RunOptions options = acting("20", "restart");
    options.further = {"--restart-grace", "200ms", "--restart-delay", "10ms"};
    BrinkRun run(options,
                 {"/bin/sh", "-c",
                  "trap '' TERM; sleep 1000 & echo $!; trap - TERM; exec " + work("puppet")});
    const pid_t stubborn = std::atoi(run.child().take_line().c_str());
    ASSERT_GT(stubborn, 0);
    Puppet first(run);
    ASSERT_EQ(first("fork 1"), 0);
    ASSERT_TRUE(first.to(10, 1));
    const pid_t child = first.last_pid();
    first.child().send("to 25");
    const pid_t second_stubborn = [&] {
        // Of the first there may still be the answer to the last order.
        std::string line = run.child().take_line();
        if (line.find(' ') != std::string::npos) line = run.child().take_line();
        return std::atoi(line.c_str());
    }();
    ASSERT_GT(second_stubborn, 0);
    const Puppet second(run);
    EXPECT_NE(second.pid(), first.pid());
    EXPECT_FALSE(alive(first.pid()));
    EXPECT_FALSE(alive(child)) << "a descendant of the old command is left";
    EXPECT_FALSE(alive(stubborn)) << "a descendant that ignores SIGTERM is left";
    EXPECT_TRUE(alive(second_stubborn));
    ::kill(second_stubborn, SIGKILL);
    run.child().send("exit 3");
    EXPECT_EQ(run.wait(), 3);
}

// Who leaks: the kinds, the targets, and the stack at the moment of the crossing, with the names of the functions.
TEST(Action, EvidenceNamesTheLeak) {
    RunOptions options = acting("50%", "evidence", 256);
    BrinkRun run(options, {work("leaky"), "--per-second", "200", "--stop-after", "150"});
    EXPECT_EQ(run.wait(), 0);
    const std::string said = run.events_text() + run.child().err();
    for (const char* part : {"socket", "pipe", "/etc/passwd", "handle_request", "serve", "main"})
        EXPECT_NE(said.find(part), std::string::npos) << part << " is not in the evidence:\n"
                                                      << said;
    EXPECT_NE(said.find("leak_"), std::string::npos) << said;
}

}  // namespace
}  // namespace brink::live
