// SPDX-License-Identifier: Apache-2.0
// What descriptors are told to be, and how many become few lines.
#include "kernel/descriptor_table.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "../../support/child_process.hpp"
#include "../../support/fake_proc.hpp"
#include "kernel/descriptor_kind.hpp"

namespace brink::kernel {
namespace {

using test::ChildProcess;
using test::FakeProc;

std::string kind(std::string_view link, std::optional<mode_t> mode = std::nullopt) {
    const DescriptorName name = name_descriptor(link, mode);
    return name.kind + "|" + name.narrow + "|" + name.wide;
}

TEST(DescriptorKind, EveryKind) {
    EXPECT_EQ(kind("/tmp/a", S_IFREG), "file|/tmp/a|/tmp/*");
    EXPECT_EQ(kind("/tmp", S_IFDIR), "directory|/tmp|/*");
    EXPECT_EQ(kind("/dev/null", S_IFCHR), "device|/dev/null|/dev/*");
    EXPECT_EQ(kind("/dev/sda", S_IFBLK), "device|/dev/sda|/dev/*");
    EXPECT_EQ(kind("/tmp/f", S_IFIFO), "fifo|/tmp/f|/tmp/*");
    EXPECT_EQ(kind("/tmp/x (deleted)", S_IFREG), "deleted file|/tmp/x|/tmp/*");
    EXPECT_EQ(kind("/memfd:jit (deleted)", S_IFREG), "memfd|jit|");
    EXPECT_EQ(kind("socket:[12]"), "socket|[12]|");
    EXPECT_EQ(kind("pipe:[12]"), "pipe|[12]|");
    EXPECT_EQ(kind("pidfd:[12]"), "pidfd|[12]|");
    EXPECT_EQ(kind("anon_inode:[eventfd]"), "eventfd||");
    EXPECT_EQ(kind("anon_inode:[eventpoll]"), "epoll||");
    EXPECT_EQ(kind("anon_inode:[timerfd]"), "timerfd||");
    EXPECT_EQ(kind("anon_inode:[signalfd]"), "signalfd||");
    EXPECT_EQ(kind("anon_inode:inotify"), "inotify||");
    EXPECT_EQ(kind("anon_inode:[pidfd]"), "pidfd||");
    EXPECT_EQ(kind("anon_inode:[io_uring]"), "io_uring||");
    EXPECT_EQ(kind("anon_inode:bpf-map"), "bpf-map||");
    EXPECT_EQ(kind("anon_inode:bpf_link"), "bpf-link||");
    EXPECT_EQ(kind("anon_inode:[userfaultfd]"), "anon_inode|userfaultfd|userfaultfd");
    EXPECT_EQ(kind("net:[4026531840]"), "namespace|net:[4026531840]|net");
    EXPECT_EQ(kind(""), "other||");
}

std::string text(const Evidence& evidence) {
    std::string lines;
    for (const EvidenceItem& item : evidence.items)
        lines += std::to_string(item.count) + " " + item.kind + " " + item.target + "\n";
    return lines;
}

class FakeDescriptors : public ::testing::Test {
  protected:
    void add(int n, const std::string& target) {
        for (int i = 0; i < n; ++i) proc_.link("7/fd/" + std::to_string(next_++), target);
    }
    [[nodiscard]] Evidence describe(const DescribeBounds& bounds = {}) const {
        return describe_descriptors(Procfs(proc_.root()), 7, bounds);
    }
    FakeProc proc_;

  private:
    int next_ = 0;
};

TEST_F(FakeDescriptors, LargestFirst) {
    add(3, "anon_inode:[eventfd]");
    add(9, "/nowhere/log");
    add(1, "/nowhere/conf");
    const Evidence evidence = describe();
    EXPECT_EQ(text(evidence), "9 file /nowhere/log\n3 eventfd \n1 file /nowhere/conf\n");
    EXPECT_EQ(evidence.total, 13U);
    EXPECT_EQ(evidence.omitted, 0U);
    EXPECT_EQ(evidence.unavailable, "");
}

TEST_F(FakeDescriptors, ManyFilesOfOneDirectoryAreOneLine) {
    for (int i = 0; i < 100; ++i) add(1, "/nowhere/cache/" + std::to_string(i));
    add(40, "/nowhere/log");
    EXPECT_EQ(text(describe()), "100 file /nowhere/cache/*\n40 file /nowhere/log\n");
}

TEST_F(FakeDescriptors, PipesAreOneLineUnlessOneStandsOut) {
    for (int i = 0; i < 10; ++i) add(2, "pipe:[" + std::to_string(i) + "]");
    EXPECT_EQ(text(describe()), "20 pipe \n");
    add(30, "pipe:[77]");
    EXPECT_EQ(text(describe()), "30 pipe [77]\n20 pipe \n");
}

TEST_F(FakeDescriptors, TooManyLinesAreOmittedNotLost) {
    for (int i = 0; i < 50; ++i) {
        add(1, "/nowhere/" + std::to_string(i) + "/a");
        add(1, "/nowhere/" + std::to_string(i) + "/b");
    }
    const Evidence evidence = describe();
    EXPECT_EQ(evidence.items.size(), 20U);
    EXPECT_EQ(evidence.items[0].count, 2U);
    EXPECT_EQ(evidence.omitted, 60U);
    EXPECT_EQ(evidence.total, 100U);
}

TEST_F(FakeDescriptors, BoundedInLinks) {
    add(30, "/nowhere/a");
    const Evidence evidence = describe({.links = 10});
    EXPECT_EQ(text(evidence), "10 file /nowhere/a\n");
    EXPECT_EQ(evidence.total, 30U);
    EXPECT_EQ(evidence.omitted, 20U);
    EXPECT_EQ(evidence.unavailable, "20 descriptors were counted, not named");
}

TEST_F(FakeDescriptors, SaysWhatIsGone) {
    const Evidence evidence = describe_descriptors(Procfs(proc_.root()), 8);
    EXPECT_EQ(evidence.total, 0U);
    EXPECT_NE(evidence.unavailable.find("cannot list"), std::string::npos);
}

constexpr const char* kTcp =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n"
    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 100 1\n"
    "   1: 0100007F:1F90 0200A8C0:D431 01 00000000:00000000 00:00000000 00000000  1000 0 101 1\n"
    "   2: 0100007F:1F90 0200A8C0:D432 01 00000000:00000000 00:00000000 00000000  1000 0 102 1\n"
    "   3: 0200007F:D433 08080808:01BB 08 00000000:00000000 00:00000000 00000000  1000 0 103 1\n"
    "   4: 0200007F:D434 08080808:01BB 08 00000000:00000000 00:00000000 00000000  1000 0 104 1\n"
    "   5: 0200007F:D434 08080808:01BB 06 00000000:00000000 00:00000000 00000000  0 0 0 3\n"
    "   6: nonsense\n";
constexpr const char* kTcp6 =
    "titles\n"
    "   0: 00000000000000000000000001000000:0050 B80D0120000000000000000001000000:1F90 01 0:0 0:0 "
    "0 0 0 105 1\n";
constexpr const char* kUnix =
    "Num       RefCount Protocol Flags    Type St Inode Path\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 106 /run/x y.sock\n"
    "0000000000000000: 00000003 00000000 00000000 0001 03 107 /run/x y.sock\n"
    "0000000000000000: 00000003 00000000 00000000 0001 03 108\n"
    "0000000000000000: 00000003 00000000 00000000 0001 03 109 @abstract\n";

TEST_F(FakeDescriptors, SocketsByPeerAndPort) {
    proc_.write("7/net/tcp", kTcp);
    proc_.write("7/net/tcp6", kTcp6);
    proc_.write("7/net/unix", kUnix);
    for (int inode = 100; inode <= 110; ++inode) add(1, "socket:[" + std::to_string(inode) + "]");
    const Evidence evidence = describe();
    EXPECT_EQ(text(evidence), "2 socket tcp CLOSE_WAIT to 8.8.8.8:443\n"
                              "2 socket tcp ESTABLISHED on port 8080 from 192.168.0.2\n"
                              "1 socket \n"
                              "1 socket tcp ESTABLISHED to [2001:db8::1]:8080\n"
                              "1 socket tcp LISTEN 127.0.0.1:8080\n"
                              "1 socket unix CONNECTED\n"
                              "1 socket unix CONNECTED /run/x y.sock\n"
                              "1 socket unix CONNECTED @abstract\n"
                              "1 socket unix LISTEN /run/x y.sock\n");
    EXPECT_EQ(evidence.unavailable, "");
}

bool has(const Evidence& evidence, const std::string& kind_wanted, const std::string& target,
         std::uint64_t count) {
    return std::any_of(evidence.items.begin(), evidence.items.end(), [&](const auto& item) {
        return item.kind == kind_wanted && item.target == target && item.count == count;
    });
}

void open_many(char) {
    for (int i = 0; i < 5; ++i) {
        (void)::eventfd(0, 0);
        (void)::epoll_create1(0);
        (void)::timerfd_create(CLOCK_MONOTONIC, 0);
        (void)::socket(AF_INET, SOCK_STREAM, 0);
        (void)::memfd_create("jit", 0);
        (void)::open("/dev/full", O_RDONLY);
        (void)::open("/tmp", O_TMPFILE | O_RDWR, 0600);
    }
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    (void)::listen(listener, 8);
    sockaddr_in address{};
    socklen_t size = sizeof address;
    (void)::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    for (int i = 0; i < 3; ++i) {
        const int client = ::socket(AF_INET, SOCK_STREAM, 0);
        (void)::connect(client, reinterpret_cast<sockaddr*>(&address), size);
        (void)::accept(listener, nullptr, nullptr);
    }
}

TEST(DescribeDescriptors, OfARealProcess) {
    const ChildProcess child(open_many);
    child.tell('x');
    const Procfs procfs;
    const Evidence evidence = describe_descriptors(procfs, child.pid());
    EXPECT_TRUE(has(evidence, "eventfd", "", 5)) << text(evidence);
    EXPECT_TRUE(has(evidence, "epoll", "", 5)) << text(evidence);
    EXPECT_TRUE(has(evidence, "timerfd", "", 5)) << text(evidence);
    EXPECT_TRUE(has(evidence, "memfd", "jit", 5)) << text(evidence);
    EXPECT_TRUE(has(evidence, "device", "/dev/full", 5)) << text(evidence);
    EXPECT_TRUE(has(evidence, "socket", "tcp not bound, not connected", 5)) << text(evidence);
    const auto is_to = [](const auto& item) {
        return item.count == 3 && item.target.starts_with("tcp ESTABLISHED to 127.0.0.1:");
    };
    const auto is_on = [](const auto& item) {
        return item.count == 3 && item.target.starts_with("tcp ESTABLISHED on port ");
    };
    EXPECT_TRUE(std::any_of(evidence.items.begin(), evidence.items.end(), is_to)) << text(evidence);
    EXPECT_TRUE(std::any_of(evidence.items.begin(), evidence.items.end(), is_on)) << text(evidence);
    EXPECT_EQ(evidence.total, procfs.descriptor_count(child.pid()).value());
    std::uint64_t sum = evidence.omitted;
    for (const EvidenceItem& item : evidence.items) sum += item.count;
    EXPECT_EQ(sum, evidence.total);
}

}  // namespace
}  // namespace brink::kernel
