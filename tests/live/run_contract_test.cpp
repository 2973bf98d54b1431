// SPDX-License-Identifier: Apache-2.0
// What `brink run` owes to the command it runs: its exit status, its signals, its standard streams, its descriptors,
// limits and environment, all as without brink; and what it leaves behind.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <sstream>
#include <thread>

#include "brink_process.hpp"

namespace brink::live {
namespace {

RunOptions quietly(std::vector<std::string> further = {}) {
    RunOptions options;
    options.watches = {"nofile=80%"};
    options.further = std::move(further);
    return options;
}

int status_of(const std::vector<std::string>& command) {
    BrinkRun run(quietly(), command);
    return run.wait();
}
std::vector<std::string> shell(const std::string& script) { return {"/bin/sh", "-c", script}; }

std::string without_brinks_lines(const std::string& text) {
    std::istringstream lines(text);
    std::string rest;
    for (std::string line; std::getline(lines, line);)
        if (line.rfind("brink: ", 0) != 0 && line.rfind("{", 0) != 0) rest += line + "\n";
    return rest;
}

TEST(RunContract, EndsAsTheCommandEnds) {
    EXPECT_EQ(status_of(shell("exit 0")), 0);
    EXPECT_EQ(status_of(shell("exit 37")), 37);
    EXPECT_EQ(status_of(shell("kill -TERM $$")), 128 + SIGTERM);
    EXPECT_EQ(status_of(shell("kill -KILL $$")), 128 + SIGKILL);
    EXPECT_EQ(status_of(shell("kill -SEGV $$")), 128 + SIGSEGV);
}

TEST(RunContract, NotFoundAndNotExecutable) {
    const ScratchFolder folder;
    ASSERT_TRUE(write_file(folder / "plain", "no program\n"));
    EXPECT_EQ(status_of({folder / "plain"}), 126);
    EXPECT_EQ(status_of({"/"}), 126);
    EXPECT_EQ(status_of({folder / "absent"}), 127);
    EXPECT_EQ(status_of({"no-such-command-anywhere"}), 127);
}

TEST(RunContract, EveryFailureOfItsOwnIs125) {
    const ScratchFolder folder;
    const std::string touched = folder / "touched";
    const std::vector<std::vector<std::string>> wrong = {{"-w", "nofiles=10"},
                                                         {"-w", "nofile=0%"},
                                                         {"-w", "nofile=101%"},
                                                         {"-w", "nofile=x"},
                                                         {"-w", "nofile="},
                                                         {"-w", "nofile=10:rearm=20"},
                                                         {"--engine", "none"},
                                                         {"--no-such-option"},
                                                         {"--on", "10=nothing:at:all"},
                                                         {"--events", "/no/such/folder/events"}};
    for (const auto& arguments : wrong) {
        RunOptions options;
        options.engine = "";
        options.events = "";
        options.further = arguments;
        if (arguments[0] != "-w") options.watches = {"nofile=10"};
        BrinkRun run(options, {"/bin/busybox", "touch", touched});
        EXPECT_EQ(run.wait(), 125) << arguments[0] << " " << arguments.back();
        EXPECT_FALSE(run.child().err().empty()) << arguments.back();
        EXPECT_NE(::access(touched.c_str(), F_OK), 0)
            << "the command ran in spite of " << arguments.back();
    }
    Child nothing({brink_path(), "run", "-w", "nofile=10"});
    EXPECT_EQ(shell_status(nothing.wait()), 125) << "no command given";
}

TEST(RunContract, ForwardsSignals) {
    const std::pair<const char*, int> forwarded[] = {{"TERM", SIGTERM},   {"INT", SIGINT},
                                                     {"HUP", SIGHUP},     {"QUIT", SIGQUIT},
                                                     {"USR1", SIGUSR1},   {"USR2", SIGUSR2},
                                                     {"WINCH", SIGWINCH}, {"ALRM", SIGALRM}};
    std::string script;
    for (const auto& [name, number] : forwarded)
        script += std::string("trap 'echo got ") + name + "' " + name + "; ";
    script += "trap 'exit 9' PIPE; echo up; while :; do sleep 0.05; done";
    BrinkRun run(quietly(), shell(script));
    ASSERT_EQ(run.child().take_line(), "up");
    for (const auto& [name, number] : forwarded) {
        run.child().signal(number);
        EXPECT_EQ(run.child().take_line(), std::string("got ") + name);
    }
    run.child().close_input();
    const std::vector<pid_t> command = children(run.child().pid());
    ASSERT_FALSE(command.empty());
    for (const pid_t pid : command) ::kill(pid, SIGKILL);
    EXPECT_EQ(run.wait(), 128 + SIGKILL);
}

TEST(RunContract, DiesAsTheCommandDiesOfAForwardedSignal) {
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) {
        BrinkRun run(quietly(), {work("puppet")});
        const Puppet puppet(run);
        run.child().signal(number);
        EXPECT_EQ(run.wait(), 128 + number);
    }
}

TEST(RunContract, StandardStreamsAreTheCommands) {
    for (const char* events : {"file", ""}) {
        RunOptions options = quietly();
        options.events = events;
        options.watches = {
            "nofile=5"};  // crossed by the shell's own doings, so that there are events
        BrinkRun run(options, shell("cat; exec 7</dev/null 8</dev/null 9</dev/null; printf 'to the "
                                    "error' >&2; printf end"));
        run.child().send("one line");
        run.child().send("{\"another\": 1}");
        run.child().close_input();
        EXPECT_EQ(run.wait(), 0);
        EXPECT_EQ(run.child().out(), "one line\n{\"another\": 1}\nend");
        const std::string error = run.child().err();
        EXPECT_NE(error.find("to the error"), std::string::npos);
        if (std::string(events) == "file") {
            EXPECT_EQ(without_brinks_lines(error), "to the error\n") << error;
            EXPECT_FALSE(of_type(run.events(), "crossing").empty());
        } else {
            EXPECT_NE(error.find("{\""), std::string::npos)
                << "the events go to standard error: " << error;
        }
    }
}

TEST(RunContract, EventsToADescriptorAndNothingElseThere) {
    const ScratchFolder folder;
    const int fd = ::open((folder / "events").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_GE(fd, 0);
    RunOptions options = quietly({"--events", "fd:" + std::to_string(fd)});
    options.events = "";
    options.watches = {"nofile=20"};
    options.child.inherit = {fd};
    options.child.soft_limit = 100;
    BrinkRun run(options, {work("excursion"), "3", "--from", "18"});
    EXPECT_EQ(run.wait(), 0);
    ::close(fd);
    EXPECT_EQ(run.child().err().find('{'), std::string::npos) << run.child().err();
    const std::string text = read_file(folder / "events");
    keep_for_schema_check(text);
    const Events events = parse_events(text);
    check_stream(events);
    EXPECT_EQ(events.size(), 7U);
}

// With and without brink the command finds the same: descriptors, limits, signal dispositions, capabilities,
// environment, working directory, umask, process group.
TEST(RunContract, TheCommandFindsWhatItWouldWithoutBrink) {
    const std::string script =
        "for f in /proc/self/fd/*; do echo \"$f $(readlink $f)\"; done | sed 's/[0-9]*\\]$//' | "
        "grep -v ' /proc/';"
        "ls /proc/$$/fd; ulimit -Sn; ulimit -Hn; cat /proc/$$/limits;"
        // By the shell itself: it blocks signals while it starts a program.
        "while read -r line; do case \"$line\" in "
        "Sig[!Q]*|Shd*|Cap*|NoNewPrivs*|Seccomp*|Umask*|Uid*|Gid*|"
        "Groups*) echo \"$line\";; esac; done </proc/$$/status;"
        "env | grep -v '^_=' | sort; pwd; cut -d' ' -f5,6,19 /proc/$$/stat; cat "
        "/proc/$$/oom_score_adj";
    const int inherited = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ChildOptions with;
    with.soft_limit = 77;
    with.hard_limit = 4096;
    with.inherit = {inherited};
    with.environment = {{"WITH SPACE", "a\nb"}};
    with.resources = {{RLIMIT_CORE, 12345}, {RLIMIT_MEMLOCK, 65536}};
    Child alone({"/bin/sh", "-c", script}, with);
    ASSERT_EQ(shell_status(alone.wait()), 0) << alone.err();
    RunOptions options = quietly();
    options.child = with;
    BrinkRun run(options, shell(script));
    ASSERT_EQ(run.wait(), 0) << run.child().err();
    ::close(inherited);
    EXPECT_EQ(run.child().out(), alone.out());
    EXPECT_NE(alone.out().find("\n77\n4096\n"), std::string::npos) << alone.out();
}

TEST(RunContract, LeavesNothingAttached) {
    BrinkRun run(quietly(), {work("puppet")});
    Puppet puppet(run);
    const std::set<std::uint32_t> programs = bpf_programs_of(run.child().pid());
    EXPECT_FALSE(programs.empty());
    puppet.child().send("exit 0");
    EXPECT_EQ(run.wait(), 0);
    EXPECT_TRUE(eventually([&] { return none_loaded(programs); }));
}

// A killed brink: the command goes on, is not stopped, and no program stays attached.
TEST(RunContract, KilledBrinkLeavesTheCommandRunning) {
    RunOptions options = quietly();
    options.watches = {"nofile=20"};
    options.child.soft_limit = 100;
    BrinkRun run(options, {work("puppet")});
    Puppet puppet(run);
    ASSERT_TRUE(puppet.to(25));
    const std::set<std::uint32_t> programs = bpf_programs_of(run.child().pid());
    EXPECT_FALSE(programs.empty());
    run.child().signal(SIGKILL);
    EXPECT_EQ(run.wait(), 128 + SIGKILL);
    EXPECT_TRUE(eventually([&] { return none_loaded(programs); })) << "a program is still loaded";
    ASSERT_TRUE(alive(puppet.pid()));
    EXPECT_TRUE(puppet.to(15)) << "it still obeys";
    EXPECT_TRUE(puppet.to(30));
    EXPECT_EQ(descriptor_count(puppet.pid()), 30U);
    ::kill(puppet.pid(), SIGKILL);
}

TEST(RunContract, KilledWatchLeavesTheProcessAlone) {
    Puppet puppet({.soft_limit = 100});
    RunOptions options;
    options.watches = {"nofile=20"};
    BrinkWatch watch(puppet.pid(), options);
    ASSERT_TRUE(watch.wait_ready());
    ASSERT_TRUE(puppet.to(25));
    const std::set<std::uint32_t> programs = bpf_programs_of(watch.child().pid());
    EXPECT_FALSE(programs.empty());
    watch.child().signal(SIGKILL);
    watch.wait();
    EXPECT_TRUE(eventually([&] { return none_loaded(programs); })) << "a program is still loaded";
    EXPECT_TRUE(puppet.to(10));
    EXPECT_TRUE(alive(puppet.pid()));
}

// Killed in the middle of its start, at whatever moment: nothing is left, and nobody waits for ever.
TEST(RunContract, KilledWhileStarting) {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point begin = Clock::now();
    Clock::duration start{};
    {
        BrinkRun run(quietly(), {"/bin/busybox", "true"});
        ASSERT_TRUE(run.wait_ready());
        start = Clock::now() - begin;
    }
    const long times = repeated(20);
    for (long i = 0; i <= times; ++i) {
        BrinkRun run(quietly(), shell("sleep 0.2"));
        std::this_thread::sleep_for(start * i * 5 / (times * 4));
        const std::vector<pid_t> command = children(run.child().pid());
        const std::set<std::uint32_t> programs = bpf_programs_of(run.child().pid());
        run.child().signal(SIGKILL);
        run.child().wait();
        for (const pid_t pid : command)
            EXPECT_TRUE(eventually([&] { return !alive(pid); }))
                << "the command neither ran to its end nor gave up";
        EXPECT_TRUE(eventually([&] { return none_loaded(programs); }));
    }
}

TEST(WatchContract, APidThatIsGone) {
    pid_t gone = 0;
    {
        const Puppet puppet;
        gone = puppet.pid();
    }
    RunOptions options;
    options.watches = {"nofile=20"};
    BrinkWatch watch(gone, options);
    EXPECT_EQ(watch.wait(), 1);
    EXPECT_NE(watch.child().err().find(std::to_string(gone)), std::string::npos)
        << watch.child().err();
    EXPECT_TRUE(watch.child().out().empty());
}

TEST(WatchContract, BadUsageIs2) {
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"--pid", "1", "-w", "nofile=0%"},
          {"--pid", "x", "-w", "nofile=10"},
          {"--pid", "1", "-w", "nofyle=10"},
          {"--no-such-option"}}) {
        std::vector<std::string> command = {brink_path(), "watch"};
        command.insert(command.end(), arguments.begin(), arguments.end());
        Child watch(command);
        EXPECT_EQ(shell_status(watch.wait()), 2) << watch.err();
    }
}

}  // namespace
}  // namespace brink::live
