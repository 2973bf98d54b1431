// SPDX-License-Identifier: Apache-2.0
// brink limits about what several processes share, against the kernel's own refusals.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "actor.hpp"
#include "child.hpp"
#include "machine.hpp"

namespace brink::live {
namespace {

using nlohmann::json;

std::uint64_t usage(const std::optional<json>& row) {
    return row ? row->value("usage", std::uint64_t{0}) : ~0ULL;
}
std::uint64_t limit(const std::optional<json>& row) {
    return row ? row->value("limit", std::uint64_t{0}) : ~0ULL;
}

// Runs `test` in a process of its own, which may leave namespaces; what fails there fails here.
void apart(int namespaces, const std::function<void()>& test) {
    const pid_t child = ::fork();
    if (child == 0) {
        if (::unshare(namespaces) != 0 ||
            ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
            ::_exit(77);
        test();
        std::fflush(nullptr);
        ::_exit(testing::Test::HasFailure() ? 1 : 0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (shell_status(status) == 77) GTEST_SKIP() << "namespaces cannot be made here";
    EXPECT_EQ(shell_status(status), 0) << "failed above";
}

// Processes of an earlier test end a little after it.
bool stranger_is_gone() {
    return eventually([] { return !row_of("nproc", "uid", kStranger); });
}

TEST(LimitsOfUsers, ProcessesAndThreads) {
    ASSERT_TRUE(stranger_is_gone());
    const Actor actor(become_stranger);
    ASSERT_EQ(actor(Deed::start_thread), 0);
    ASSERT_EQ(actor(Deed::start_process), 0);
    EXPECT_EQ(usage(row_of("nproc", "uid", kStranger)), 3U);
    ASSERT_EQ(actor(Deed::set_limit, RLIMIT_NPROC, 3), 0);
    EXPECT_EQ(actor(Deed::start_process), EAGAIN);
    ASSERT_EQ(actor(Deed::set_limit, RLIMIT_NPROC, 4), 0);
    EXPECT_EQ(actor(Deed::start_process), 0);
    const auto row = row_of("nproc", "uid", kStranger);
    EXPECT_EQ(usage(row), 4U);
    EXPECT_EQ(limit(row), 4U) << "the lowest limit of the user's processes";
    EXPECT_TRUE(row_with("auto", "nproc", "uid", 0)->at("limit").is_null())
        << "root is not held to it";
}

TEST(LimitsOfUsers, PendingSignals) {
    ASSERT_TRUE(stranger_is_gone());
    const Actor actor(become_stranger);
    for (int i = 0; i < 5; ++i) ASSERT_EQ(actor(Deed::queue_signal), 0);
    EXPECT_EQ(usage(row_of("sigpending", "uid", kStranger)), 5U);
    ASSERT_EQ(actor(Deed::set_limit, RLIMIT_SIGPENDING, 5), 0);
    EXPECT_EQ(actor(Deed::queue_signal), EAGAIN);
    ASSERT_EQ(actor(Deed::set_limit, RLIMIT_SIGPENDING, 6), 0);
    EXPECT_EQ(actor(Deed::queue_signal), 0);
    EXPECT_EQ(usage(row_of("sigpending", "uid", kStranger)), 6U);
}

// The limit is what the kernel compares its own sum with: our sum is right if two such queues just fit.
// Only the task iterator sees them. Without privileges RLIMIT_MEMLOCK is the limit of SHM_LOCK.
TEST(LimitsOfUsers, LockedSharedMemory) {
    ASSERT_TRUE(stranger_is_gone());
    const Actor actor(become_stranger);
    const auto before = row_of("memlock_user", "uid", kStranger);
    if (!before) GTEST_SKIP() << "no task iterator here";
    EXPECT_EQ(usage(before), 0U);
    ASSERT_EQ(actor(Deed::lock_shared, 5UL * 4096), 0);
    EXPECT_EQ(usage(row_of("memlock_user", "uid", kStranger)), 5UL * 4096);
    ASSERT_EQ(actor(Deed::set_limit, RLIMIT_MEMLOCK, 7UL * 4096), 0);
    EXPECT_EQ(actor(Deed::lock_shared, 3UL * 4096), ENOMEM);
    EXPECT_EQ(actor(Deed::lock_shared, 2UL * 4096), 0);
    const auto row = row_of("memlock_user", "uid", kStranger);
    EXPECT_EQ(usage(row), 7UL * 4096);
    EXPECT_EQ(limit(row), 7UL * 4096);
}

// The same user in another user namespace has counts of its own.
TEST(LimitsOfUsers, UserNamespacesAreToldApart) {
    ASSERT_TRUE(stranger_is_gone());
    if (!row_with("auto", "memlock_user", "uid", 0)) GTEST_SKIP() << "no task iterator here";
    const Actor outside(become_stranger);
    const Actor inside([] {
        become_stranger();
        if (::unshare(CLONE_NEWUSER) != 0) ::_exit(1);
    });
    for (int i = 0; i < 2; ++i) ASSERT_EQ(outside(Deed::start_process), 0);
    ASSERT_EQ(inside(Deed::start_process), 0);
    std::string own(64, 0);
    own.resize(static_cast<std::size_t>(
        std::max<ssize_t>(0,
                          ::readlink(("/proc/" + std::to_string(inside.pid()) + "/ns/user").c_str(),
                                     own.data(), own.size()))));
    std::uint64_t counted_inside = 0;
    std::uint64_t counted_outside = 0;
    for (const json& row : limits_of("nproc")) {
        if (row.value("uid", 0U) != kStranger) continue;
        (row.contains("user_namespace") ? counted_inside : counted_outside) = row.at("usage");
        if (!row.contains("user_namespace")) continue;
        EXPECT_EQ("user:[" + row.at("user_namespace").dump() + "]", own);
    }
    EXPECT_EQ(counted_inside, 2U);
    EXPECT_EQ(counted_outside, 3U + 2U) << "what is counted inside is counted outside as well";
}

TEST(LimitsOfUsers, MessageQueues) {
    apart(CLONE_NEWNS | CLONE_NEWIPC, [] {
        const ScratchFolder folder;
        ASSERT_EQ(::mount("mqueue", (folder / "").c_str(), "mqueue", 0, nullptr), 0);
        const Actor actor(become_stranger);
        ASSERT_EQ(actor(Deed::open_queue, 7, 100), 0);
        const std::uint64_t one = usage(row_of("msgqueue", "uid", kStranger));
        EXPECT_GT(one, 700U);
        ASSERT_EQ(actor(Deed::set_limit, RLIMIT_MSGQUEUE, 2 * one - 1), 0);
        EXPECT_EQ(actor(Deed::open_queue, 7, 100), EMFILE);
        ASSERT_EQ(actor(Deed::set_limit, RLIMIT_MSGQUEUE, 2 * one), 0);
        EXPECT_EQ(actor(Deed::open_queue, 7, 100), 0);
        const auto row = row_of("msgqueue", "uid", kStranger);
        EXPECT_EQ(usage(row), 2 * one);
        EXPECT_EQ(limit(row), 2 * one);
        ::umount2((folder / "").c_str(), MNT_DETACH);
    });
}

TEST(LimitsOfUsers, InotifyInstancesOnceEachAndTheirWatches) {
    ASSERT_TRUE(stranger_is_gone());
    const ScratchFolder folder;
    ::chmod((folder / "").c_str(), 0777);
    const Actor actor([&] {
        become_stranger();
        if (::chdir((folder / "").c_str()) != 0) ::_exit(1);
    });
    ASSERT_EQ(actor(Deed::new_inotify), 0);
    std::uint64_t instance = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(actor.pid()) + "/fd"))
        if (std::error_code error;
            std::filesystem::read_symlink(entry, error) == "anon_inode:inotify")
            instance = std::stoull(entry.path().filename());
    for (int i = 0; i < 3; ++i) ASSERT_EQ(actor(Deed::watch_file, instance), 0);
    ASSERT_EQ(actor(Deed::start_process), 0);  // which holds the same instance
    ASSERT_EQ(actor(Deed::duplicate, instance), 0);
    EXPECT_EQ(usage(row_of("inotify_instances", "uid", kStranger)), 1U);
    EXPECT_EQ(usage(row_of("inotify_watches", "uid", kStranger)), 3U);
    const SysctlForNow few("fs/inotify/max_user_watches", "3");
    if (!few.done()) GTEST_SKIP() << "fs.inotify cannot be set here";
    EXPECT_EQ(limit(row_of("inotify_watches", "uid", kStranger)), 3U);
    EXPECT_EQ(actor(Deed::watch_file, instance), ENOSPC);
}

// A cgroup of our own, of whichever version this machine has.
TEST(LimitsOfCgroups, Pids) {
    const bool v1 = std::filesystem::exists("/sys/fs/cgroup/pids");
    const std::string root = v1 ? "/sys/fs/cgroup/pids" : "/sys/fs/cgroup";
    if (!v1) (void)write_file(root + "/cgroup.subtree_control", "+pids");
    const std::string name = "/brink-limits-" + std::to_string(::getpid());
    if (::mkdir((root + name).c_str(), 0755) != 0) GTEST_SKIP() << "no cgroup can be made here";
    {
        const Actor actor;
        ASSERT_TRUE(write_file(root + name + "/pids.max", "3"));
        ASSERT_TRUE(write_file(root + name + "/cgroup.procs", std::to_string(actor.pid())));
        const auto before = row_of("pids", "cgroup", name);
        EXPECT_EQ(usage(before), 1U);
        EXPECT_EQ(limit(before), 3U);
        ASSERT_EQ(actor(Deed::start_process), 0);
        ASSERT_EQ(actor(Deed::start_thread), 0);
        EXPECT_EQ(usage(row_of("pids", "cgroup", name)), 3U);
        EXPECT_EQ(actor(Deed::start_process), EAGAIN);
    }
    EXPECT_TRUE(eventually([&] { return ::rmdir((root + name).c_str()) == 0; }));
}

// Connections until the kernel takes no more: then the queue is full, and brink says so.
TEST(LimitsOfSockets, AcceptQueueOfAUnixSocket) {
    const ScratchFolder folder;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (folder / "listening").copy(address.sun_path, sizeof address.sun_path - 1);
    const int listening = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listening, 4), 0);
    std::vector<int> peers;
    for (;;) {
        peers.push_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (::connect(peers.back(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            break;
        const auto row = row_of("accept_queue", "target", "unix " + (folder / "listening"));
        EXPECT_EQ(usage(row), peers.size());
        EXPECT_EQ(limit(row), 5U) << "the kernel takes one more than the backlog";
        EXPECT_EQ(row->value("pid", 0), ::getpid());
    }
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_EQ(peers.size(), 5U + 1);
    for (const int peer : peers) ::close(peer);
    ::close(listening);
}

int tcp_socket() { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

// In a network of our own, with ten ports less one that is reserved.
TEST(LimitsOfSockets, PortsTowardsOneDestination) {
    apart(CLONE_NEWNS | CLONE_NEWNET, [] {
        ifreq up{};
        std::string("lo").copy(up.ifr_name, IFNAMSIZ - 1);
        up.ifr_flags = IFF_UP;
        ASSERT_EQ(::ioctl(tcp_socket(), SIOCSIFFLAGS, &up), 0);
        ASSERT_TRUE(write_file("/proc/sys/net/ipv4/ip_local_port_range", "50000 50009"));
        ASSERT_TRUE(write_file("/proc/sys/net/ipv4/ip_local_reserved_ports", "50003,60000"));
        const sockaddr_in address = loopback(7777);
        const auto* destination = reinterpret_cast<const sockaddr*>(&address);
        const int listening = tcp_socket();
        ASSERT_EQ(::bind(listening, destination, sizeof address), 0);
        ASSERT_EQ(::listen(listening, 64), 0);
        // An IPv6 socket that speaks IPv4 uses up the same ports.
        sockaddr_in6 mapped{};
        mapped.sin6_family = AF_INET6;
        mapped.sin6_port = htons(7777);
        ::inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr);
        std::uint64_t connected = 0;
        if (::connect(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0),
                      reinterpret_cast<const sockaddr*>(&mapped), sizeof mapped) == 0)
            ++connected;
        while (::connect(tcp_socket(), destination, sizeof address) == 0) ++connected;
        EXPECT_EQ(errno, EADDRNOTAVAIL);
        EXPECT_EQ(connected, 9U);
        const auto row = row_of("ports", "target", "tcp 127.0.0.1 to 127.0.0.1:7777");
        EXPECT_EQ(usage(row), connected);
        EXPECT_EQ(limit(row), connected);
        const auto queue = row_of("accept_queue", "target", "tcp 127.0.0.1:7777");
        EXPECT_EQ(usage(queue), connected);
        EXPECT_EQ(limit(queue), 65U);
    });
}

// A file system of our own, filled up.
TEST(LimitsOfTheSystem, SpaceAndInodes) {
    apart(CLONE_NEWNS, [] {
        const ScratchFolder folder;
        const std::string point = folder / "full";
        ASSERT_EQ(::mkdir(point.c_str(), 0755), 0);
        ASSERT_EQ(::mount("tmpfs", point.c_str(), "tmpfs", 0, "size=1M,nr_inodes=20"), 0);
        std::size_t files = 0;
        while (write_file(point + "/" + std::to_string(files), "x")) ++files;
        EXPECT_EQ(files, 19U);
        const auto inodes = row_of("inodes", "target", point);
        EXPECT_EQ(limit(inodes), 20U);
        EXPECT_EQ(usage(inodes), 20U);
        const int fd = ::open((point + "/0").c_str(), O_WRONLY | O_CLOEXEC);
        const std::string block(4096, 'x');
        while (::write(fd, block.data(), block.size()) > 0) {
        }
        EXPECT_EQ(errno, ENOSPC);
        ::close(fd);
        const auto space = row_of("space", "target", point);
        EXPECT_EQ(limit(space), 1U << 20);
        EXPECT_EQ(usage(space), 1U << 20);
        ::umount2(point.c_str(), MNT_DETACH);
    });
}

// What is mounted over another does not speak for it, and what is read-only has no limit.
TEST(LimitsOfTheSystem, CoveredAndReadOnlyFileSystems) {
    apart(CLONE_NEWNS, [] {
        const ScratchFolder folder;
        const std::string point = folder / "over";
        ASSERT_EQ(::mkdir(point.c_str(), 0755), 0);
        ASSERT_EQ(::mount("tmpfs", point.c_str(), "tmpfs", 0, "size=1M"), 0);
        ASSERT_EQ(::mount("tmpfs", point.c_str(), "tmpfs", 0, "size=2M"), 0);
        const auto rows = [&] {
            std::vector<std::uint64_t> limits;
            for (const json& row : limits_of("space"))
                if (row.value("target", "") == point) limits.push_back(row.at("limit"));
            return limits;
        };
        EXPECT_EQ(rows(), std::vector<std::uint64_t>{2U << 20});
        ASSERT_EQ(::mount("", point.c_str(), "", MS_REMOUNT | MS_RDONLY, nullptr), 0);
        EXPECT_TRUE(rows().empty());
        ::umount2(point.c_str(), MNT_DETACH);
        ::umount2(point.c_str(), MNT_DETACH);
    });
}

TEST(LimitsOfTheSystem, FilesAndThreads) {
    const Actor actor;
    const auto files = [] { return usage(limits_of("file_nr").at(0)); };
    const auto threads = [] { return usage(limits_of("threads_max").at(0)); };
    const std::uint64_t files_before = files();
    const std::uint64_t threads_before = threads();
    for (int i = 0; i < 50; ++i) ASSERT_EQ(actor(Deed::start_thread), 0);
    for (int i = 0; i < 200; ++i) ASSERT_EQ(actor(Deed::open_file), 0);
    // Others come and go meanwhile.
    EXPECT_NEAR(static_cast<double>(threads()), static_cast<double>(threads_before + 50), 20);
    // The kernel counts in batches per processor, of 32 or twice their number, whichever is more.
    const long processors = ::sysconf(_SC_NPROCESSORS_CONF);
    const long tolerance = processors * std::max(32L, 2 * processors) + 32;
    for (long i = 0; i < tolerance; ++i) ASSERT_EQ(actor(Deed::open_file), 0);
    EXPECT_GT(files(), files_before + 100);
}

}  // namespace
}  // namespace brink::live
