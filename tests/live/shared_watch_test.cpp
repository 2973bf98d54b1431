// SPDX-License-Identifier: Apache-2.0
// brink watch on what no single process uses: users, cgroups, sockets, file systems; without hooks. Against the kernel's
// own counts and refusals.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actor.hpp"
#include "cgroup_for_now.hpp"
#include "watched.hpp"

namespace brink::live {
namespace {

std::uint64_t usage(const Event& event) { return event.value("usage", std::uint64_t{0}); }

// A process that `act`s, and is killed and reaped with the object.
class Process {
  public:
    explicit Process(const std::function<void()>& act) : pid_(::fork()) {
        if (pid_ != 0) return;
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        act();
        ::_exit(0);
    }
    ~Process() { end(); }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    void end() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }

  private:
    pid_t pid_;
};

TEST(SharedWatch, SpaceOfAFileSystem) {
    const ScratchFolder folder;
    const std::string point = folder / "full";
    ASSERT_EQ(::mkdir(point.c_str(), 0755), 0);
    ASSERT_EQ(::mount("tmpfs", point.c_str(), "tmpfs", 0, "size=1M"), 0);
    Watched watched({"--system"}, {"-w", "space=50%,100%"});
    ASSERT_TRUE(watched.wait_ready()) << (*watched).err();
    const int fd = ::open((point + "/file").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    const std::string block(4096, 'x');
    while (::write(fd, block.data(), block.size()) > 0) {
    }
    EXPECT_EQ(errno, ENOSPC);
    ::close(fd);
    const Event full = watched.wait("crossing", "space", 1U << 20);
    ASSERT_FALSE(full.is_null()) << (*watched).out();
    EXPECT_EQ(usage(full), 1U << 20);
    EXPECT_EQ(full.value("target", ""), point);
    EXPECT_EQ(full.value("scope", ""), "system");
    EXPECT_EQ(full.value("engine", ""), "poll");
    EXPECT_FALSE(full.contains("start_time"));
    EXPECT_FALSE(watched.wait("crossing", "space", 1U << 19).is_null());
    ASSERT_EQ(::mount("", point.c_str(), "", MS_REMOUNT, "size=4M"), 0);
    const Event larger = watched.wait("limit_changed", "space");
    EXPECT_EQ(larger.value("limit", 0), 4 << 20);
    EXPECT_EQ(larger.value("old_limit", 0), 1 << 20);
    ASSERT_EQ(::umount2(point.c_str(), MNT_DETACH), 0);
    EXPECT_EQ(watched.wait("exit", "space").value("target", ""), point);
    watched.end();
}

// The kernel refuses one process more than the limit; with cgroup v2 it says so.
TEST(SharedWatch, ProcessesOfACgroup) {
    const CgroupForNow cgroup("pids");
    if (!cgroup.exists()) GTEST_SKIP() << "no cgroup can be made";
    ASSERT_TRUE(cgroup.set("pids.max", "8"));
    const Actor actor;
    ASSERT_TRUE(cgroup.enter(actor.pid()));
    Watched watched({"--cgroup", cgroup.path()}, {"-w", "pids=50%,100%"});
    ASSERT_TRUE(watched.wait_ready()) << (*watched).err();
    int started = 0;
    while (actor(Deed::start_process) == 0) ++started;
    EXPECT_EQ(started, 7);
    const Event full = watched.wait("crossing", "pids", 8);
    ASSERT_FALSE(full.is_null()) << (*watched).out();
    EXPECT_EQ(usage(full), cgroup.number("pids.current"));
    EXPECT_EQ(full.value("cgroup", ""), cgroup.path());
    EXPECT_EQ(full.value("scope", ""), "cgroup");
    EXPECT_FALSE(watched.wait("crossing", "pids", 4).is_null());
    if (cgroup.version() == 2) {
        const Event denied = watched.wait("denied", "pids");
        ASSERT_FALSE(denied.is_null()) << (*watched).out();
        EXPECT_EQ(denied.value("error", ""), "EAGAIN");
        EXPECT_EQ(denied.value("engine", ""), engine() == "kernel" ? "kernel" : "notify");
        EXPECT_EQ(usage(denied), 8U);
        for (int i = 0; i < 20; ++i) EXPECT_EQ(actor(Deed::start_process), EAGAIN);
        // Several are said together: their numbers add up to the kernel's.
        EXPECT_TRUE(eventually([&] {
            std::uint64_t times = 0;
            for (const Event& event : of_type(parse_events((*watched).out()), "denied"))
                times += event.value("times", std::uint64_t{1});
            return times == cgroup.field("pids.events", "max");
        })) << (*watched).out();
    }
    ASSERT_TRUE(cgroup.remove());
    EXPECT_FALSE(watched.wait("exit", "pids").is_null()) << (*watched).out();
    watched.end();
}

// Two processes on one CPU: each waits half of the time.
TEST(SharedWatch, PressureOfACgroup) {
    const CgroupForNow cgroup("");
    if (!cgroup.exists() || read_file(cgroup.file("cpu.pressure")).empty())
        GTEST_SKIP() << "no pressure here";
    Watched watched({"--cgroup", cgroup.path()}, {"-w", "pressure_cpu=5%,20%"});
    ASSERT_TRUE((*watched).wait_for_error_line("watching .* with engine notify"))
        << (*watched).err();
    const auto burn = [&] {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(0, &one);
        (void)::sched_setaffinity(0, sizeof one, &one);
        (void)cgroup.enter(::getpid());
        for (;;) asm volatile("");
    };
    const auto stalled_us = [&] {
        const std::string text = read_file(cgroup.file("cpu.pressure"));
        return std::stoull(text.substr(text.find("total=") + 6));
    };
    Process one(burn);
    Process other(burn);
    const Event above = watched.wait("crossing", "pressure_cpu", 400'000'000);
    ASSERT_FALSE(above.is_null()) << (*watched).out();
    EXPECT_EQ(above.value("direction", ""), "up");
    EXPECT_EQ(above.value("limit", std::uint64_t{0}), 2'000'000'000U);
    EXPECT_EQ(above.value("cgroup", ""), cgroup.path());
    EXPECT_TRUE(eventually([&] { return stalled_us() >= 400'000; })) << "the kernel's own sum";
    one.end();
    other.end();
    const Event below = watched.wait_down("pressure_cpu", 100'000'000);
    ASSERT_FALSE(below.is_null()) << (*watched).out();
    EXPECT_LT(usage(below), 100'000'000U);
    ASSERT_TRUE(cgroup.remove());
    EXPECT_FALSE(watched.wait("exit", "pressure_cpu").is_null());
    watched.end();
}

TEST(SharedWatch, PressureOfACgroupThatComesLater) {
    const std::string path = "/brink-test-" + std::to_string(::getpid());
    Watched watched({"--cgroup", path}, {"-w", "pressure_cpu=1%"});
    if (!(*watched).wait_for_error_line("nothing of cgroup .* yet"))
        GTEST_SKIP() << (*watched).err();
    const CgroupForNow cgroup("");
    ASSERT_EQ(cgroup.path(), path);
    const auto burn = [&] {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(0, &one);
        (void)::sched_setaffinity(0, sizeof one, &one);
        (void)cgroup.enter(::getpid());
        for (;;) asm volatile("");
    };
    const Process one(burn);
    const Process other(burn);
    EXPECT_FALSE(watched.wait("crossing", "pressure_cpu", 20'000'000).is_null())
        << (*watched).out();
    ASSERT_TRUE(cgroup.remove());
    EXPECT_FALSE(watched.wait("exit", "pressure_cpu").is_null()) << (*watched).out();
    watched.end();
}

// Beyond its limit the kernel ends a process of the cgroup, and says so.
TEST(SharedWatch, MemoryOfACgroupThatIsRefused) {
    const CgroupForNow cgroup("memory");
    if (cgroup.version() != 2) GTEST_SKIP() << "cgroup v1 does not tell";
    ASSERT_TRUE(cgroup.set("memory.max", "8M"));
    (void)cgroup.set("memory.swap.max", "0");
    Watched watched({"--cgroup", cgroup.path()}, {"-w", "memory=90%"});
    ASSERT_TRUE(watched.wait_ready()) << (*watched).err();
    const Process greedy([&] {
        (void)cgroup.enter(::getpid());
        constexpr std::size_t kMegabyte = 1 << 20;
        for (int i = 0; i < 64; ++i) {
            auto* const memory = static_cast<char*>(::malloc(kMegabyte));
            std::fill_n(memory, kMegabyte, 'x');
        }
        for (;;) ::pause();
    });
    const Event killed = watched.wait_for([](const Event& event) {
        return event.value("type", "") == "denied" && event.value("reason", "") == "oom_kill";
    });
    ASSERT_FALSE(killed.is_null()) << (*watched).out();
    EXPECT_EQ(killed.value("cgroup", ""), cgroup.path());
    EXPECT_EQ(killed.value("limit", 0), 8 << 20);
    EXPECT_EQ(killed.value("engine", ""), "notify");
    EXPECT_GE(cgroup.field("memory.events", "oom_kill"), 1U);
    watched.end();
}

TEST(SharedWatch, ProcessesOfAUser) {
    ASSERT_TRUE(eventually([] { return !row_of("nproc", "uid", kStranger); }));
    Watched watched({"--user", std::to_string(kStranger)}, {"-w", "nproc=3"});
    ASSERT_TRUE(engine() == "kernel"
                    ? watched.wait_ready()
                    : (*watched).wait_for_error_line("nproc: nothing of user .* yet"))
        << (*watched).err();
    {
        const Actor actor(become_stranger);
        for (int i = 0; i < 2; ++i) ASSERT_EQ(actor(Deed::start_thread), 0);
        const Event crossing = watched.wait_for([](const Event& event) {
            return event.value("type", "") == "crossing" || event.value("type", "") == "initial";
        });
        ASSERT_FALSE(crossing.is_null()) << (*watched).out() << (*watched).err();
        EXPECT_EQ(usage(crossing), 3U);
        EXPECT_EQ(crossing.value("uid", 0U), kStranger);
        EXPECT_EQ(crossing.value("scope", ""), "user");
        EXPECT_EQ(crossing.contains("pid"), engine() == "kernel");  // who did it
    }
    EXPECT_EQ(watched.wait("exit", "nproc").value("uid", 0U), kStranger) << (*watched).out();
    watched.end();
}

TEST(SharedWatch, TheQueueOfAListeningSocket) {
    const ScratchFolder folder;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (folder / "listening").copy(address.sun_path, sizeof address.sun_path - 1);
    const auto* where = reinterpret_cast<const sockaddr*>(&address);
    const int listening = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::bind(listening, where, sizeof address), 0);
    ASSERT_EQ(::listen(listening, 4), 0);
    Watched watched({"--comm", "live_tests"}, {"-w", "accept_queue=80%"});
    ASSERT_TRUE(watched.wait_ready()) << (*watched).err();
    std::vector<int> peers;
    do peers.push_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    while (::connect(peers.back(), where, sizeof address) == 0);
    EXPECT_EQ(errno, EAGAIN);
    const Event crossing = watched.wait("crossing", "accept_queue", 4);
    ASSERT_FALSE(crossing.is_null()) << (*watched).out();
    EXPECT_EQ(crossing.value("target", ""), "unix " + (folder / "listening"));
    EXPECT_EQ(crossing.value("pid", 0), ::getpid());
    EXPECT_GE(usage(crossing), 4U);
    EXPECT_LE(usage(crossing), peers.size() - 1);
    const int accepted = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    ::close(accepted);
    ::close(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC));
    EXPECT_FALSE(watched.wait_down("accept_queue", 4).is_null()) << (*watched).out();
    for (const int peer : peers) ::close(peer);
    ::close(listening);
    EXPECT_FALSE(watched.wait("exit", "accept_queue").is_null()) << (*watched).out();
    watched.end();
}

}  // namespace
}  // namespace brink::live
