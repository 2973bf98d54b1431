// SPDX-License-Identifier: Apache-2.0
// Clients that never read, flood, send garbage or half requests, die, or are too many: nobody else is harmed, and what
// was lost is counted.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "brink_process.hpp"
#include "daemon.hpp"
#include "steps.hpp"

namespace brink::live {
namespace {

// Opens and closes one file so often, around the level.
std::function<int()> cross(int times) {
    return [=] {
        for (int i = 0; i < times; ++i) {
            const int fd = ::open("/dev/null", O_RDONLY);
            if (fd < 0) return errno;
            ::close(fd);
        }
        return 0;
    };
}

// Whether a client of its own hears of the 20 crossings that a process of its own makes, and loses nothing.
void expect_served(const Daemon& daemon) {
    Monitor monitor(brink_open(daemon.socket().c_str(), 0));
    ASSERT_GE(monitor.fd(), 0) << brink_error();
    Steps process({open_files(10), cross(10)});
    ASSERT_EQ(process.next(), 0);
    const auto count = descriptor_count(process.pid());
    ASSERT_TRUE(count);
    ASSERT_EQ(monitor.watch(process.pid(), "nofile=" + std::to_string(*count + 1)), 0)
        << brink_error();
    ASSERT_EQ(process.next(), 0);
    for (std::uint64_t i = 1; i <= 20; ++i) {
        const auto event = monitor.next();
        ASSERT_TRUE(event) << i;
        EXPECT_EQ(event->type, std::uint32_t{BRINK_EVENT_CROSSING});
        EXPECT_EQ(event->seq, i);
        EXPECT_EQ(event->direction, i % 2 ? BRINK_UP : BRINK_DOWN);
    }
}

class HostileClient : public testing::Test {
  protected:
    void SetUp() override { ASSERT_TRUE(daemon_.wait_ready()) << daemon_.child().err(); }
    Daemon daemon_{{"--user-queue", "64K", "--user-clients", "600", "--max-clients", "700"}};
};

TEST_F(HostileClient, GarbageIsAnswered) {
    Monitor monitor(brink_open(daemon_.socket().c_str(), 0));
    std::mt19937 random(7);
    std::vector<unsigned char> bytes(70000);
    for (auto& byte : bytes) byte = static_cast<unsigned char>(random());
    // Half a request, one and a half, too many; then whole ones with nothing right in them.
    for (const std::size_t size : {1UL, 511UL, 513UL, 70000UL, 512UL, 65536UL}) {
        ASSERT_EQ(::send(monitor.fd(), bytes.data(), size, 0), static_cast<ssize_t>(size));
        brink_event reply{};
        for (std::size_t i = 0; i < (size % 512 || size > 65536 ? 1 : size / 512); ++i) {
            ASSERT_EQ(brink_read(monitor.fd(), &reply, 1), 1) << size;
            EXPECT_EQ(reply.type, std::uint32_t{BRINK_EVENT_REPLY});
            EXPECT_NE(reply.error, 0);
            EXPECT_NE(reply.text[0], 0);
        }
    }
    EXPECT_EQ(monitor.watch(::getpid(), "nofile=500"), 0) << brink_error();
    expect_served(daemon_);
}

TEST_F(HostileClient, DescriptorsThatNobodyAskedForAreClosed) {
    const auto before = descriptor_count(daemon_.child().pid());
    Monitor monitor(brink_open(daemon_.socket().c_str(), 0));
    int pipe[2];
    ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
    for (int round = 0; round < 20; ++round) {
        brink_request request{};
        iovec data{&request, sizeof request};
        alignas(cmsghdr) char control[CMSG_SPACE(100 * sizeof(int))] = {};
        msghdr header{};
        header.msg_iov = &data;
        header.msg_iovlen = 1;
        header.msg_control = control;
        header.msg_controllen = sizeof control;
        cmsghdr* part = CMSG_FIRSTHDR(&header);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(100 * sizeof(int));
        for (int i = 0; i < 100; ++i)
            std::memcpy(CMSG_DATA(part) + static_cast<std::size_t>(i) * sizeof(int), &pipe[1],
                        sizeof(int));
        ASSERT_GT(::sendmsg(monitor.fd(), &header, 0), 0);
        brink_event reply{};
        ASSERT_EQ(brink_read(monitor.fd(), &reply, 1), 1);
        EXPECT_NE(reply.error, 0);
    }
    ::close(pipe[1]);
    char byte = 0;
    EXPECT_EQ(::read(pipe[0], &byte, 1), 0) << "nobody has it any more";
    ::close(pipe[0]);
    monitor.close();
    EXPECT_TRUE(eventually([&] { return descriptor_count(daemon_.child().pid()) <= before; }));
}

TEST_F(HostileClient, WhoNeverReadsLosesAndIsTold) {
    if (engine() == "poll") GTEST_SKIP() << "too slow for so many";
    constexpr int kTimes = 20000;
    Monitor lazy(brink_open(daemon_.socket().c_str(), 0));
    Steps process({open_files(10), cross(kTimes)});
    ASSERT_EQ(process.next(), 0);
    const auto count = descriptor_count(process.pid());
    ASSERT_EQ(lazy.watch(process.pid(), "nofile=" + std::to_string(*count + 1)), 0)
        << brink_error();
    ASSERT_EQ(process.next(), 0);
    expect_served(daemon_);
    // Every crossing is either here or counted, the numbers agree, and in the end it is known where the process stands.
    // A `resync` that found no room in the ring is counted as well: one for a loss at most.
    std::uint64_t seen = 0;
    std::uint64_t lost = 0;
    std::uint64_t losses = 0;
    std::uint64_t last = 0;
    std::optional<std::uint64_t> usage;
    while (seen + lost < 2 * kTimes || !usage) {
        const auto event = lazy.next();
        ASSERT_TRUE(event) << seen << " + " << lost;
        const bool is_lost = event->type == BRINK_EVENT_LOST;
        EXPECT_EQ(event->seq, last + 1 + (is_lost ? event->count : 0));
        last = event->seq;
        lost += event->count;
        losses += is_lost;
        seen += event->type == BRINK_EVENT_CROSSING;
        usage = is_lost ? std::nullopt : std::optional(event->usage);
    }
    EXPECT_GT(lost, 0U);
    EXPECT_GE(seen + lost, 2U * kTimes);
    EXPECT_LE(seen + lost, 2U * kTimes + losses);
    EXPECT_EQ(usage, *count);
}

TEST_F(HostileClient, ManyThatConnectAndVanish) {
    expect_served(daemon_);  // the hooks are attached with the first watch
    const auto before = descriptor_count(daemon_.child().pid());
    const Steps process({});
    std::vector<Monitor> clients;
    for (int i = 0; i < 500; ++i) {
        clients.emplace_back(brink_open(daemon_.socket().c_str(), 0));
        ASSERT_GE(clients.back().fd(), 0) << brink_error();
        if (i % 50 == 0) {
            ASSERT_EQ(clients.back().watch(process.pid(), "nofile=500"), i < 400 ? 0 : ENOSPC) << i;
        }
    }
    expect_served(daemon_);
    clients.clear();
    EXPECT_TRUE(eventually([&] { return descriptor_count(daemon_.child().pid()) <= before; }));
    expect_served(daemon_);
}

// A request that is answered while its sender has gone, and one in the midst of a batch.
TEST_F(HostileClient, DiesInTheMidstOfIt) {
    const Steps process({});
    for (int i = 0; i < 50; ++i) {
        Monitor monitor(brink_open(daemon_.socket().c_str(), 0));
        std::vector<brink_request> requests(BRINK_MAX_REQUESTS);
        for (brink_request& request : requests) {
            request.protocol = BRINK_PROTOCOL;
            request.op = BRINK_REQUEST_ADD;
            request.pid = process.pid();
            std::strcpy(request.spec, "nofile=500");
        }
        ASSERT_GT(::write(monitor.fd(), requests.data(), requests.size() * sizeof(brink_request)),
                  0);
    }
    expect_served(daemon_);
}

TEST(DaemonDescriptors, AreUsedUp) {
    Daemon daemon({"--user-clients", "600", "--max-clients", "700"}, {.hard_limit = 200});
    ASSERT_TRUE(daemon.wait_ready()) << daemon.child().err();
    std::vector<Monitor> clients;
    int refused = 0;
    for (int i = 0; i < 250; ++i) {
        clients.emplace_back(brink_open(daemon.socket().c_str(), 0));
        brink_event reply{};
        brink_request request{};
        if (::send(clients.back().fd(), &request, sizeof request, MSG_NOSIGNAL) < 0 ||
            brink_read(clients.back().fd(), &reply, 1) != 1)
            ++refused;
    }
    EXPECT_GT(refused, 0);
    EXPECT_LT(refused, 250);
    EXPECT_TRUE(comes_to_rest(daemon.child().pid()));
    clients.clear();
    EXPECT_TRUE(eventually([&] {
        Monitor monitor(brink_open(daemon.socket().c_str(), 0));
        return monitor.watch(::getpid(), "nofile=500") == 0;
    }));
    expect_served(daemon);
}

TEST(DaemonQuotas, BoundOneUserAndNoOther) {
    Daemon daemon({"--user-watches", "3", "--user-levels", "7", "--user-clients", "2",
                   "--user-subjects", "2"});
    ASSERT_TRUE(daemon.wait_ready()) << daemon.child().err();
    std::vector<std::unique_ptr<Steps>> own;
    for (int i = 0; i < 4; ++i) {
        own.push_back(
            std::make_unique<Steps>(std::vector<std::function<int()>>{become(kAlice, kAlice)}));
        ASSERT_EQ(own.back()->next(), 0);
    }
    Monitor first = open_as(daemon, kAlice, kAlice);
    Monitor second = open_as(daemon, kAlice, kAlice);
    Monitor third = open_as(daemon, kAlice, kAlice);
    EXPECT_NE(third.watch(own[0]->pid(), "nofile=500"), 0) << "clients";
    EXPECT_EQ(first.watch(own[0]->pid(), "nofile=1,2,3,500"), 0) << brink_error();
    EXPECT_EQ(second.watch(own[1]->pid(), "nofile=1,2,3,500"), EDQUOT) << "levels";
    EXPECT_EQ(second.watch(own[1]->pid(), "nofile=500"), 0) << brink_error();
    EXPECT_EQ(second.watch(own[2]->pid(), "nofile=500"), ENOSPC) << "subjects";
    Steps bob({become(kBob, kBob)});
    ASSERT_EQ(bob.next(), 0);
    Monitor bobs = open_as(daemon, kBob, kBob);
    EXPECT_EQ(bobs.watch(bob.pid(), "nofile=1,2,3,500"), 0) << brink_error();
}

TEST(DaemonIdle, IsNotWokenWhileNothingHappens) {
    Daemon daemon;
    ASSERT_TRUE(daemon.wait_ready()) << daemon.child().err();
    Monitor monitor(brink_open(daemon.socket().c_str(), 0));
    std::vector<std::unique_ptr<Steps>> processes;
    for (int i = 0; i < 100; ++i) {
        processes.push_back(std::make_unique<Steps>(std::vector<std::function<int()>>{}));
        ASSERT_EQ(monitor.watch(processes.back()->pid(), "nofile=500"), 0) << brink_error();
    }
    const pid_t brinkd = daemon.child().pid();
    ASSERT_TRUE(eventually([&] {
        const std::uint64_t before = context_switches(brinkd);
        std::this_thread::sleep_for(std::chrono::seconds(1));
        return context_switches(brinkd) == before;
    })) << "it does not come to rest";
    const std::uint64_t before = context_switches(brinkd);
    std::this_thread::sleep_for(std::chrono::seconds(scaled("BRINK_LIVE_IDLE_S", 60)));
    EXPECT_EQ(context_switches(brinkd), before) << "it was woken";
    EXPECT_TRUE(monitor.silent());
}

}  // namespace
}  // namespace brink::live
