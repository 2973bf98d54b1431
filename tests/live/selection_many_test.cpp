// SPDX-License-Identifier: Apache-2.0
// Selections of many processes: none is missed, and none is counted twice, whatever happens at the moment when the
// watch begins; children that live for a moment; cgroups that come later; more than there is room for.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "brink_process.hpp"
#include "named_cgroup.hpp"

namespace brink::live {
namespace {

constexpr unsigned kOpen = 25;

std::string own(const std::string& name) {
    return "brink-" + std::to_string(::getpid()) + "-" + name;
}

RunOptions watched(const std::string& levels) {
    RunOptions options;
    options.watches = {levels};
    return options;
}

// In a child of the test: descriptors 0 to kOpen - 1, and no others.
void open_some() {
    ::close_range(3, ~0U, 0);
    for (unsigned fd = 3; fd < kOpen; ++fd) ::dup2(0, static_cast<int>(fd));
}

// Processes that the test has started, ended with the object.
class Crowd {
  public:
    ~Crowd() { end(); }

    template <typename Live>
    pid_t start(const Live& live) {
        const pid_t pid = ::fork();
        if (pid == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            live();
            for (;;) ::pause();
        }
        pids_.push_back(pid);
        return pid;
    }
    void end() {
        for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
        for (const pid_t pid : pids_) ::waitpid(pid, nullptr, 0);
        pids_.clear();
    }
    const std::vector<pid_t>& pids() const { return pids_; }

  private:
    std::vector<pid_t> pids_;
};

// A crowd grows while the watch begins: some go to the cgroup themselves, some are moved there while they open files.
TEST(SelectionOfMany, NoneIsMissedAndNoneIsTwiceWhileTheWatchBegins) {
    const NamedCgroup cgroup(own("begin"));
    if (!cgroup.there()) GTEST_SKIP() << "no cgroup v2 can be written to here";
    Crowd crowd;
    BrinkWatch watch({"--cgroup", cgroup.path()}, watched("nofile=" + std::to_string(kOpen)));
    const auto begun = [&] { return watch.child().err().find("watching") != std::string::npos; };
    for (unsigned n = 0; n < 10 || (!begun() && n < 2000); ++n) {
        const bool from_birth = n % 2 == 0;
        int ready[2];
        ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
        const pid_t pid = crowd.start([&] {
            if (from_birth) (void)cgroup.take(::getpid());
            open_some();  // closes the pipe
        });
        ::close(ready[1]);
        char byte = 0;
        (void)!::read(ready[0], &byte, 1);
        ::close(ready[0]);
        ASSERT_TRUE(from_birth || cgroup.take(pid));
    }
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    const std::vector<pid_t> pids = crowd.pids();
    EXPECT_TRUE(eventually([&] { return pids_in(watch.events()).size() >= pids.size(); }));
    crowd.end();
    EXPECT_TRUE(eventually([&] { return of_type(watch.events(), "exit").size() >= pids.size(); }));
    watch.child().signal(SIGTERM);
    ASSERT_EQ(watch.wait(), 0);

    const Events events = watch.events();
    std::map<pid_t, Events> of_each = by_pid(events);
    EXPECT_EQ(of_each.size(), pids.size());
    for (const pid_t pid : pids) {
        // Whoever was watched before it had opened its last descriptor went up, the others stood there.
        const Events& own_events = of_each[pid];
        ASSERT_EQ(own_events.size(), 3U) << pid;
        EXPECT_TRUE(type_of(own_events[0]) == "initial" ||
                    own_events[0].value("direction", "") == "up")
            << brief(own_events[0]);
        EXPECT_EQ(number(own_events[0], "usage"), kOpen);
        EXPECT_EQ(own_events[1].value("cause", ""), "exit");
        EXPECT_EQ(type_of(own_events[2]), "exit");
    }
}

// Each says that it began above the level, that it left it, and its exit; whose pid is recycled says it twice.
TEST(SelectionOfMany, ChildrenThatLiveForAMoment) {
    constexpr int kChildren = 500;
    const NamedCgroup cgroup(own("moment"));
    if (!cgroup.there()) GTEST_SKIP() << "no cgroup v2 can be written to here";
    BrinkWatch watch({"--cgroup", cgroup.path()}, watched("nofile=1"));
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    auto* const born = static_cast<pid_t*>(::mmap(nullptr, sizeof(pid_t) * kChildren,
                                                  PROT_READ | PROT_WRITE,
                                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    const pid_t parent = ::fork();
    if (parent == 0) {
        if (!cgroup.take(::getpid())) ::_exit(1);
        for (int i = 0; i < kChildren; ++i) {
            const pid_t pid = ::fork();
            if (pid == 0) ::_exit(0);
            born[i] = pid;
            if (i % 10 == 9)
                while (::waitpid(-1, nullptr, 0) > 0) {
                }
        }
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(parent, &status, 0);
    ASSERT_EQ(status, 0);
    watch.child().signal(SIGTERM);
    ASSERT_EQ(watch.wait(), 0);

    const Events events = watch.events();
    check_stream(events);
    std::map<pid_t, std::size_t> times;
    for (int i = 0; i < kChildren; ++i) ++times[born[i]];
    for (const auto& [pid, lives] : times) {
        const Events own_events = of_pid(events, pid);
        ASSERT_EQ(own_events.size(), 3 * lives) << pid;
        EXPECT_EQ(of_type(own_events, "initial").size(), lives);
        EXPECT_EQ(of_type(own_events, "exit").size(), lives);
    }
    EXPECT_EQ(by_pid(events).size(), times.size() + 1) << "they and their parent";
    ::munmap(born, sizeof(pid_t) * kChildren);
}

// Born there, by a parent that is not: watched before its first instruction.
TEST(SelectionOfMany, BornIntoACgroupThatCameLaterAndCameAgain) {
    NamedCgroup cgroup(own("later"));
    if (!cgroup.there()) GTEST_SKIP() << "no cgroup v2 can be written to here";
    ASSERT_TRUE(cgroup.remove());
    BrinkWatch watch({"--cgroup", cgroup.path()}, watched("nofile=" + std::to_string(kOpen)));
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    std::vector<pid_t> pids;
    for (int round = 0; round < 3; ++round) {
        cgroup.make();
        ASSERT_TRUE(cgroup.there());
        const int folder = ::open(cgroup.folder().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
        clone_args arguments{};
        arguments.flags = CLONE_INTO_CGROUP;
        arguments.exit_signal = SIGCHLD;
        arguments.cgroup = static_cast<std::uint64_t>(folder);
        const auto pid = static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
        if (pid == 0) {
            open_some();
            ::_exit(0);
        }
        ::close(folder);
        ASSERT_GT(pid, 0) << std::strerror(errno);
        pids.push_back(pid);
        ::waitpid(pid, nullptr, 0);
        ASSERT_TRUE(eventually([&] { return cgroup.remove(); }));
    }
    watch.child().signal(SIGTERM);
    ASSERT_EQ(watch.wait(), 0);
    const Events events = watch.events();
    check_stream(events);
    EXPECT_EQ(events.size(), 3 * pids.size());
    for (const pid_t pid : pids) {
        const Events own_events = of_pid(events, pid);
        ASSERT_EQ(own_events.size(), 3U);
        EXPECT_EQ(own_events[0].value("direction", ""), "up");
        EXPECT_EQ(number(own_events[0], "usage"), kOpen);
    }
}

// Processes of the machine: not the kernel's, not those that have ended.
std::set<std::pair<pid_t, std::uint64_t>> processes() {
    std::set<std::pair<pid_t, std::uint64_t>> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const pid_t pid = std::atoi(entry.path().filename().c_str());
        if (pid <= 0 || descriptor_count(pid).value_or(0) == 0) continue;
        const auto start = start_time(pid);
        std::error_code error;
        const bool has_program =
            !std::filesystem::read_symlink(entry.path() / "exe", error).empty();
        if (start && has_program) found.emplace(pid, *start);
    }
    return found;
}

TEST(SelectionOfMany, EveryProcessButBrinkItself) {
    const auto before = processes();
    BrinkWatch watch({"--all"}, watched("nofile=1"));
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    const auto after = processes();
    watch.child().signal(SIGTERM);
    ASSERT_EQ(watch.wait(), 0);
    const Events initial = of_type(watch.events(), "initial");
    std::map<std::pair<pid_t, std::uint64_t>, int> times;
    for (const Event& event : initial)
        ++times[{static_cast<pid_t>(number(event, "pid")),
                 static_cast<std::uint64_t>(number(event, "start_time"))}];
    std::size_t compared = 0;
    for (const auto& process : before) {
        if (!after.contains(process)) continue;
        ++compared;
        EXPECT_EQ(times[process], 1) << process.first;
    }
    EXPECT_GE(compared, 2U) << "the test and its parent";
    for (const auto& [process, n] : times) EXPECT_EQ(n, 1) << process.first;
    EXPECT_FALSE(of_pid(initial, ::getpid()).empty());
    EXPECT_TRUE(of_pid(initial, watch.child().pid()).empty());
}

TEST(SelectionOfMany, WhatDoesNotFitIsSaid) {
    const NamedCgroup cgroup(own("room"));
    if (!cgroup.there()) GTEST_SKIP() << "no cgroup v2 can be written to here";
    Crowd crowd;
    for (int i = 0; i < 12; ++i) ASSERT_TRUE(cgroup.take(crowd.start([] {})));
    RunOptions options = watched("nofile=1");
    options.further = {"--max-subjects", "8"};
    BrinkWatch watch({"--cgroup", cgroup.path()}, options);
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    EXPECT_TRUE(watch.child().wait_for_error_line("8 processes match now"));
    EXPECT_TRUE(watch.child().wait_for_error_line("processes left unwatched so far: 4;"));
    watch.child().signal(SIGTERM);
    EXPECT_EQ(watch.wait(), 0);
    EXPECT_EQ(by_pid(watch.events()).size(), 8U);
}

// Said once, for all of them.
TEST(SelectionOfMany, DormantLevelsAreSaidOnce) {
    const NamedCgroup cgroup(own("dormant"));
    if (!cgroup.there()) GTEST_SKIP() << "no cgroup v2 can be written to here";
    Crowd crowd;
    for (const rlim_t limit : {64U, 64U, 1024U})
        ASSERT_TRUE(cgroup.take(crowd.start([limit] {
            const rlimit limits{limit, limit};
            ::setrlimit(RLIMIT_NOFILE, &limits);
        })));
    ASSERT_TRUE(eventually([&] {
        return read_file("/proc/" + std::to_string(crowd.pids().back()) + "/limits")
                   .find("Max open files            1024") != std::string::npos;
    }));
    BrinkWatch watch({"--cgroup", cgroup.path()}, watched("nofile=500,50%"));
    ASSERT_TRUE(watch.child().wait_for_error_line("level 500 of nofile is dormant for 2 of 3"))
        << watch.child().err();
    watch.child().signal(SIGTERM);
    EXPECT_EQ(watch.wait(), 0);
    EXPECT_EQ(watch.child().err().find("50%", watch.child().err().find("dormant")),
              std::string::npos);
}

}  // namespace
}  // namespace brink::live
