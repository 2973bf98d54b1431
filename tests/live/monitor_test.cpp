// SPDX-License-Identifier: Apache-2.0
// A monitor is a file descriptor like any other: read, poll, select, epoll, dup, fork, close.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <set>
#include <vector>

#include "brink_process.hpp"
#include "daemon.hpp"
#include "steps.hpp"

namespace brink::live {
namespace {

// Whether the user of `daemon`, who may have one watch, can set one: there is none.
bool none_left(const Daemon& daemon, pid_t pid) {
    Monitor probe(brink_open(daemon.socket().c_str(), 0));
    return probe.watch(pid, "nofile=500") == 0;
}

TEST(MonitorDescriptor, TellsWhenThereIsSomethingToRead) {
    Daemon daemon;
    ASSERT_TRUE(daemon.wait_ready()) << daemon.child().err();
    Monitor monitor(brink_open(daemon.socket().c_str(), BRINK_OPEN_NONBLOCK));
    ASSERT_GE(monitor.fd(), 0) << brink_error();
    const int edges = ::epoll_create1(EPOLL_CLOEXEC);
    epoll_event wanted{EPOLLIN | EPOLLET, {}};
    ASSERT_EQ(::epoll_ctl(edges, EPOLL_CTL_ADD, monitor.fd(), &wanted), 0);
    Steps process({open_files(20), open_files(20)});
    ASSERT_EQ(monitor.watch(process.pid(), "nofile=15,30"), 0) << brink_error();
    brink_event events[4] = {};
    EXPECT_EQ(brink_read(monitor.fd(), events, 4), -1);
    EXPECT_EQ(errno, EAGAIN);
    ASSERT_EQ(process.next(), 0);
    epoll_event happened{};
    EXPECT_EQ(::epoll_wait(edges, &happened, 1, 20000), 1);
    EXPECT_EQ(::epoll_wait(edges, &happened, 1, 0), 0) << "an edge comes once";
    pollfd waiting{monitor.fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&waiting, 1, 0), 1);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(monitor.fd(), &set);
    timeval at_once{};
    EXPECT_EQ(::select(monitor.fd() + 1, &set, nullptr, nullptr, &at_once), 1);
    ASSERT_EQ(::read(monitor.fd(), events, sizeof *events), ssize_t{sizeof *events});
    EXPECT_EQ(events->type, std::uint32_t{BRINK_EVENT_CROSSING});
    EXPECT_EQ(events->direction, BRINK_UP);
    EXPECT_EQ(events->level, 15U);
    EXPECT_EQ(events->usage, 15U);
    EXPECT_EQ(events->seq, 1U);
    EXPECT_STREQ(events->text, "15");
    EXPECT_EQ(brink_engine_name(events->engine), engine());
    EXPECT_EQ(::poll(&waiting, 1, 0), 0);
    ASSERT_EQ(process.next(), 0);
    EXPECT_EQ(::epoll_wait(edges, &happened, 1, 20000), 1) << "another edge";
    EXPECT_EQ(brink_read(monitor.fd(), events, 4), 1);
    EXPECT_EQ(events->level_index, 1);
    ::close(edges);
}

TEST(MonitorDescriptor, ItsWatchesGoWithTheLastCopy) {
    Daemon daemon({"--user-watches", "1"});
    ASSERT_TRUE(daemon.wait_ready()) << daemon.child().err();
    const Steps process({});
    Monitor monitor(brink_open(daemon.socket().c_str(), 0));
    ASSERT_EQ(monitor.watch(process.pid(), "nofile=500"), 0) << brink_error();
    EXPECT_EQ(monitor.watch(process.pid(), "nofile=400"), EDQUOT);
    Monitor copy(::dup(monitor.fd()));
    Steps child({[] { return 0; }}, true);  // has copies of both
    copy.close();
    monitor.close();
    EXPECT_EQ(child.next(), 0);
    EXPECT_FALSE(none_left(daemon, process.pid())) << "a copy is left";
    ::kill(child.pid(), SIGKILL);
    EXPECT_TRUE(eventually([&] { return none_left(daemon, process.pid()); }));
}

TEST(MonitorDescriptor, AChildReadsWhatItsParentWatches) {
    Daemon daemon;
    ASSERT_TRUE(daemon.wait_ready()) << daemon.child().err();
    Monitor monitor(brink_open(daemon.socket().c_str(), 0));
    Steps process({open_files(20)});
    ASSERT_EQ(monitor.watch(process.pid(), "nofile=15"), 0) << brink_error();
    Steps child({[&] {
                    const auto event = monitor.next();
                    return event ? static_cast<int>(event->usage) : -1;
                }},
                true);
    monitor.close();
    ASSERT_EQ(process.next(), 0);
    EXPECT_EQ(child.next(), 15);
}

TEST(MonitorDescriptor, ManyWatchesGoInOneWrite) {
    Daemon daemon({"--max-watches", "200"});
    ASSERT_TRUE(daemon.wait_ready()) << daemon.child().err();
    Monitor monitor(brink_open(daemon.socket().c_str(), 0));
    std::vector<std::unique_ptr<Steps>> processes;
    std::vector<brink_target> targets;
    for (std::uint64_t i = 0; i < BRINK_MAX_REQUESTS; ++i) {
        processes.push_back(
            std::make_unique<Steps>(std::vector<std::function<int()>>{open_files(20)}));
        targets.push_back({processes.back()->pid(), "nofile=250", 1000 + i, 0, 0});
    }
    targets.back().spec = "nofile=no";
    ASSERT_EQ(brink_watch_all(monitor.fd(), targets.data(), targets.size()), BRINK_MAX_REQUESTS - 1)
        << brink_error();
    EXPECT_EQ(targets.back().error, EINVAL);
    EXPECT_EQ(targets.back().watch, -1);
    std::set<int> numbers;
    for (std::size_t i = 0; i + 1 < targets.size(); ++i) numbers.insert(targets[i].watch);
    EXPECT_EQ(numbers.size(), targets.size() - 1);
    // Its numbers are used again when they are gone.
    for (const int number : numbers) ASSERT_EQ(brink_unwatch(monitor.fd(), number), 0);
    targets.resize(100);
    for (brink_target& target : targets) target.spec = "nofile=15";
    ASSERT_EQ(brink_watch_all(monitor.fd(), targets.data(), targets.size()), 100) << brink_error();
    ASSERT_EQ(processes[42]->next(), 0);
    const auto event = monitor.next();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->type, std::uint32_t{BRINK_EVENT_CROSSING});
    EXPECT_EQ(event->cookie, 1042U);
    EXPECT_EQ(event->pid, processes[42]->pid());
}

TEST(MonitorDescriptor, NothingComesOfAWatchThatIsGone) {
    Daemon daemon;
    ASSERT_TRUE(daemon.wait_ready()) << daemon.child().err();
    Monitor monitor(brink_open(daemon.socket().c_str(), 0));
    Steps process({open_files(50)});
    const int first = brink_watch(monitor.fd(), process.pid(), "nofile=20");
    const int second = brink_watch(monitor.fd(), process.pid(), "nofile=30");
    ASSERT_GT(first, 0);
    ASSERT_GT(second, 0);
    EXPECT_EQ(brink_unwatch(monitor.fd(), first), 0) << brink_error();
    EXPECT_EQ(brink_unwatch(monitor.fd(), first), -1);
    EXPECT_EQ(errno, ENOENT);
    ASSERT_EQ(process.next(), 0);
    const auto event = monitor.next();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->watch, static_cast<std::uint32_t>(second));
    EXPECT_TRUE(monitor.silent());
}

TEST(MonitorDescriptor, SaysWhatIsWrongWithASpec) {
    Daemon daemon;
    ASSERT_TRUE(daemon.wait_ready()) << daemon.child().err();
    Monitor monitor(brink_open(daemon.socket().c_str(), 0));
    EXPECT_EQ(monitor.watch(::getpid(), "nofil=80%"), EINVAL);
    EXPECT_NE(std::string(brink_error()).find("nofil"), std::string::npos) << brink_error();
    EXPECT_EQ(monitor.watch(::getpid(), "nproc=80%"), EOPNOTSUPP) << brink_error();
    EXPECT_EQ(monitor.watch(::getpid(), std::string(500, '1')), E2BIG);
    EXPECT_EQ(brink_open("/nowhere/brink.sock", 0), -1);
    EXPECT_EQ(errno, ENOENT);
}

TEST(MonitorDescriptor, EndsWithTheDaemon) {
    Daemon daemon;
    ASSERT_TRUE(daemon.wait_ready()) << daemon.child().err();
    Monitor monitor(brink_open(daemon.socket().c_str(), 0));
    ASSERT_EQ(monitor.watch(::getpid(), "nofile=500"), 0) << brink_error();
    const std::set<std::uint32_t> programs = bpf_programs_of(daemon.child().pid());
    daemon.child().signal(SIGKILL);
    daemon.child().wait();
    brink_event event{};
    EXPECT_EQ(brink_read(monitor.fd(), &event, 1), 0);
    EXPECT_EQ(monitor.watch(::getpid(), "nofile=500"), EPIPE) << brink_error();
    EXPECT_TRUE(eventually([&] { return none_loaded(programs); })) << "a program is left attached";
}

TEST(MonitorDescriptor, ServedInsideTheProcess) {
    unsigned flags = BRINK_OPEN_IN_PROCESS;
    if (engine() == "tracepoint") flags |= BRINK_OPEN_TRACEPOINT;
    const auto before = descriptor_count(::getpid());
    Monitor monitor(brink_open(nullptr, flags));
    ASSERT_GE(monitor.fd(), 0) << brink_error();
    EXPECT_EQ(descriptor_count(::getpid()), *before + 1)
        << "the programs' descriptors are not ours";
    Steps process({open_files(20)});
    ASSERT_EQ(monitor.watch(process.pid(), "nofile=15"), 0) << brink_error();
    ASSERT_EQ(process.next(), 0);
    const auto event = monitor.next();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->usage, 15U);
    EXPECT_EQ(brink_engine_name(event->engine), engine());
    const std::set<pid_t> all = threads(::getpid());
    monitor.close();
    EXPECT_TRUE(eventually([&] { return threads(::getpid()).size() == all.size() - 1; }));
}

// examples/watch.py, which has no library.
TEST(MonitorDescriptor, AnotherLanguageNeedsASocketOnly) {
    if (!std::filesystem::exists("/usr/bin/python3")) GTEST_SKIP() << "there is no python here";
    Daemon daemon;
    ASSERT_TRUE(daemon.wait_ready()) << daemon.child().err();
    Steps process({open_files(20)});
    Child python({"/usr/bin/python3", EXAMPLES "/watch.py", std::to_string(process.pid()),
                  "nofile=2,15:up"},
                 {.environment = {{"BRINK_SOCKET", daemon.socket()}}});
    EXPECT_NE(python.take_line().find("initial up"), std::string::npos) << python.err();
    ASSERT_EQ(process.next(), 0);
    const std::string line = python.take_line();
    EXPECT_NE(line.find("crossing up"), std::string::npos) << line << python.err();
    EXPECT_NE(line.find("[" + std::to_string(process.pid()) + "] usage 15"), std::string::npos)
        << line;
    ::kill(process.pid(), SIGKILL);
    EXPECT_EQ(shell_status(python.wait()), 0) << python.err();
}

}  // namespace
}  // namespace brink::live
