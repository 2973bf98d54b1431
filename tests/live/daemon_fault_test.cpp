// SPDX-License-Identifier: Apache-2.0
// What brinkd has to survive: its own death at any moment, a full disk, a damaged history, no descriptors left, no memory
// to spare, clients that come and vanish, processes that come and go at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "cgroup_for_now.hpp"
#include "rule_daemon.hpp"

namespace brink::live {
namespace {

using testing::HasSubstr;

// A shell that goes over the level and back, some hundred times a second.
const char* const kBusy =
    "[[rule]]\nname = \"busy\"\ncommand = [\"/bin/sh\", \"-c\", \"while :; do for i in 0 1 2 3 4 "
    "5 6 7 8 9; do exec 5</dev/null 6</dev/null 7</dev/null; exec 5<&- 6<&- 7<&-; done; sleep "
    "0.02; done\"]\nwatch = \"nofile=6\"\nrestart_delay = \"1ms\"\nmax_per_hour = 3600\n";
const char* const kQuiet =
    "[[rule]]\nname = \"quiet\"\ncommand = [\"/bin/sh\", \"-c\", \"kill -STOP $$\"]\n"
    "watch = \"nofile=500\"\n";

// The kernel's answer; -1: there is no connection.
int connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    const int fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
    ::close(fd);
    return -1;
}

bool sees_the_end(int fd) {
    char byte = 0;
    ssize_t n = 0;
    while ((n = ::recv(fd, &byte, 1, 0)) > 0) {
    }
    return n == 0 || errno == ECONNRESET;  // the latter where it had not been accepted yet
}

std::uint64_t last_number(const RuleDaemon& daemon) {
    const std::string text = output_of(
        {"/usr/bin/sqlite3", "-readonly", daemon.history(), "SELECT max(number) FROM events"});
    return std::strtoull(text.c_str(), nullptr, 10);
}

TEST(DaemonFault, KilledAtAnyMoment) {
    RuleDaemon daemon(kBusy);
    const auto seed = static_cast<unsigned>(scaled("BRINK_LIVE_SEED", ::getpid()));
    SCOPED_TRACE("BRINK_LIVE_SEED=" + std::to_string(seed));
    std::mt19937 random(seed);
    std::uint64_t last = 0;
    // In a guest each start, which loads all programs anew, takes many seconds.
    for (long round = 0; round < scaled("BRINK_LIVE_KILLS", repeated(50)); ++round) {
        const int client = connect_to(daemon.path("brink.sock"));
        ASSERT_GE(client, 0);
        ASSERT_TRUE(eventually([&] { return last_number(daemon) > last; })) << daemon.said();
        const std::set<std::uint32_t> programs = bpf_programs_of(daemon.child().pid());
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
        const std::set<pid_t> commands = [&] {
            const auto list = children(daemon.child().pid());
            return std::set<pid_t>(list.begin(), list.end());
        }();
        daemon.child().signal(SIGKILL);
        EXPECT_EQ(shell_status(daemon.child().wait()), 128 + SIGKILL);
        for (const pid_t command : commands) ::kill(command, SIGKILL);
        EXPECT_TRUE(sees_the_end(client));
        ::close(client);
        EXPECT_TRUE(eventually([&] { return none_loaded(programs); })) << round;
        ASSERT_TRUE(daemon.history_is_intact()) << round;
        const std::uint64_t now = last_number(daemon);
        ASSERT_GT(now, last) << round;
        last = now;
        ASSERT_TRUE(daemon.start()) << daemon.said();
    }
    EXPECT_TRUE(std::filesystem::exists(daemon.history()));
    EXPECT_FALSE(std::filesystem::exists(daemon.history() + ".damaged"));
}

TEST(DaemonFault, AFullDiskIsSaidOnce) {
    RuleDaemon daemon(kQuiet);
    const std::string disk = daemon.path("disk");
    std::filesystem::create_directory(disk);
    ASSERT_EQ(::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=6m"), 0);
    daemon.stop();
    daemon.keep_history_in(disk + "/events.db");
    daemon.write_configuration(kBusy);
    // Room for some hundred events, and much less than the history may have.
    std::ofstream(disk + "/other") << std::string((5 << 20) + (1 << 19), 'x');
    ASSERT_TRUE(daemon.start());
    ASSERT_TRUE(daemon.wait_for_line("the history cannot be written: .*full"));
    const std::uint64_t at_full = last_number(daemon);
    EXPECT_TRUE(eventually([&] { return daemon.status()["history"]["dropped"] > 0; }));
    std::filesystem::remove(disk + "/other");
    ASSERT_TRUE(daemon.wait_for_line("the history is written again; events that are missing in it: "
                                     "[1-9]"));
    EXPECT_TRUE(eventually([&] { return last_number(daemon) > at_full + 1000; }));
    EXPECT_TRUE(daemon.history_is_intact());
    const std::string said = daemon.said();
    EXPECT_EQ(said.find("cannot be written"), said.rfind("cannot be written"));
    daemon.stop();
    EXPECT_EQ(::umount(disk.c_str()), 0);
}

TEST(DaemonFault, ADamagedHistoryIsSetAside) {
    RuleDaemon daemon(kBusy);
    ASSERT_TRUE(eventually([&] { return last_number(daemon) > 100; }));
    daemon.stop();
    const std::uint64_t before = last_number(daemon);
    std::fstream file(daemon.history(), std::ios::in | std::ios::out | std::ios::binary);
    file << std::string(8192, 'x');
    file.close();
    ASSERT_TRUE(daemon.start());
    ASSERT_TRUE(daemon.wait_for_line("events.db is damaged .*events.db.damaged, and a new one"));
    ASSERT_TRUE(eventually([&] { return last_number(daemon) > before; }));
    EXPECT_TRUE(daemon.history_is_intact());
    EXPECT_TRUE(std::filesystem::exists(daemon.history() + ".damaged"));
}

// In a guest only: the clock is the machine's.
TEST(DaemonFault, TheClockIsSet) {
    if (!scaled("BRINK_LIVE_SET_CLOCK", 0)) GTEST_SKIP() << "the clock of this machine is not ours";
    RuleDaemon daemon(kBusy);
    ASSERT_TRUE(eventually([&] { return last_number(daemon) > 20; }));
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    constexpr time_t kYear = 365 * 86'400;
    for (const time_t step : {kYear, -2 * kYear, kYear}) {
        ::clock_gettime(CLOCK_REALTIME, &now);
        now.tv_sec += step;
        ASSERT_EQ(::clock_settime(CLOCK_REALTIME, &now), 0);
        const std::uint64_t before = last_number(daemon);
        ASSERT_TRUE(eventually([&] { return last_number(daemon) > before + 20; }));
    }
    // Nothing has been thrown away as too old, and the order is that of what happened.
    EXPECT_EQ(output_of({"/usr/bin/sqlite3", "-readonly", daemon.history(),
                         "SELECT min(number), max(number) - count(*) FROM events"}),
              "1|0\n");
    EXPECT_TRUE(daemon.history_is_intact());
    EXPECT_FALSE(daemon.events({"-n", "5"}).empty());
}

// The descriptors that it holds when 500 clients have come and gone again.
unsigned descriptors_after_clients(RuleDaemon& daemon) {
    for (int i = 0; i < 500; ++i) {
        const int fd = connect_to(daemon.path("brink.sock"));
        if (fd < 0) continue;
        const char garbage[300] = {char(i)};
        (void)::send(fd, garbage, static_cast<std::size_t>(i % 300), MSG_DONTWAIT | MSG_NOSIGNAL);
        ::close(fd);
    }
    EXPECT_TRUE(eventually([&] { return daemon.status()["clients"] == 0; }));
    return descriptor_count(daemon.child().pid()).value_or(0);
}

TEST(DaemonFault, ClientsThatComeAndVanish) {
    RuleDaemon daemon(kQuiet);
    ASSERT_TRUE(daemon.wait_for_line("runs as process"));
    const unsigned before = descriptors_after_clients(daemon);
    EXPECT_GT(before, 0U);
    EXPECT_EQ(descriptors_after_clients(daemon), before);
}

TEST(DaemonFault, NoDescriptorsLeft) {
    RuleDaemon daemon(kQuiet, {.soft_limit = 150, .hard_limit = 150});
    ASSERT_TRUE(daemon.wait_for_line("runs as process"));
    std::vector<int> held;
    for (int i = 0; i < 300; ++i) held.push_back(connect_to(daemon.path("brink.sock")));
    // It is still there, and at rest: nobody waits to be accepted for ever.
    ASSERT_TRUE(comes_to_rest(daemon.child().pid()));
    EXPECT_TRUE(alive(daemon.child().pid()));
    for (const int fd : held) ::close(fd);
    EXPECT_TRUE(eventually([&] { return daemon.status().contains("rules"); }));
    EXPECT_EQ(daemon.status()["rules"].size(), 1U);
}

// Leaves the cgroup what it cannot give back and 1 MiB, for all its files; less than that, and the kernel would kill.
void squeeze(const CgroupForNow& group) {
    if (group.version() == 2) {
        EXPECT_TRUE(group.set("memory.high", "1M"));
        return;
    }
    std::uint64_t limit = group.number("memory.usage_in_bytes");
    while (group.set("memory.limit_in_bytes", std::to_string(limit - (64 << 10))))
        limit -= 64 << 10;
    EXPECT_TRUE(group.set("memory.limit_in_bytes", std::to_string(limit + (1 << 20))));
}

std::uint64_t times_at_the_limit(const CgroupForNow& group) {
    return group.version() == 2 ? group.field("memory.events", "high")
                                : group.number("memory.failcnt");
}

TEST(DaemonFault, NoMemoryToSpare) {
    const CgroupForNow group("memory");
    if (!group.exists()) GTEST_SKIP() << "no cgroup can be made whose memory is limited";
    RuleDaemon daemon("[[rule]]\nname = \"it\"\ncomm = \"crossings\"\nwatch = \"nofile=20\"\n",
                      {.cgroup_procs = group.file("cgroup.procs")});
    constexpr std::size_t kCrossings = 600;
    Child crossings({work("crossings"), std::to_string(kCrossings), "--level", "20", "--rate",
                     "300", "--gate"});
    ASSERT_TRUE(crossings.wait_for([&] { return !crossings.out_lines().empty(); }));
    squeeze(group);
    const std::uint64_t before = times_at_the_limit(group);
    crossings.send("");
    EXPECT_TRUE(eventually([&] {
        return daemon.events({"--type", "crossing", "-n", "1000"}).size() == kCrossings;
    })) << daemon.said();
    EXPECT_GT(times_at_the_limit(group), before);
    EXPECT_EQ(daemon.status()["self"]["records_lost"], 0);
    EXPECT_EQ(daemon.status()["history"]["dropped"], 0);
    EXPECT_TRUE(daemon.history_is_intact());
}

TEST(DaemonFault, ProcessesThatComeAndGoAtOnce) {
    RuleDaemon daemon("[[rule]]\nname = \"forks\"\ncommand = [\"/bin/sh\", \"-c\", \"" +
                      work("forker") +
                      " 2000 </dev/null; kill -STOP $$\"]\nwatch = \"nofile=40\"\n");
    ASSERT_TRUE(eventually([&] { return children(daemon.child().pid()).size() == 1; }));
    const pid_t shell = children(daemon.child().pid()).front();
    ASSERT_TRUE(eventually([&] {
        return read_file("/proc/" + std::to_string(shell) + "/stat").find(") T ") !=
               std::string::npos;
    }));
    const auto status = daemon.status();
    EXPECT_EQ(status["self"]["records_lost"], 0) << status.dump();
    EXPECT_EQ(status["self"]["children_unwatched"], 0) << status.dump();
}

}  // namespace
}  // namespace brink::live
