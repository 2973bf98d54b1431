// SPDX-License-Identifier: Apache-2.0
// Connections that wait on a listening socket, at every change: random connects, accepts and closes over TCP and AF_UNIX,
// against what the kernel says after each. Only engine `kernel` has hooks for it.
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <set>
#include <sstream>
#include <vector>

#include "expected_events.hpp"
#include "work/random.hpp"

namespace brink::live {
namespace {

constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};

struct Where {
    sockaddr_storage address{};
    socklen_t bytes = 0;
    int family = 0;
    [[nodiscard]] const sockaddr* get() const {
        return reinterpret_cast<const sockaddr*>(&address);
    }
};

Where somewhere(int family, const std::string& path) {
    Where where;
    where.family = family;
    if (family == AF_INET) {
        auto& v4 = reinterpret_cast<sockaddr_in&>(where.address);
        v4.sin_family = AF_INET;
        v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        where.bytes = sizeof v4;
    } else if (family == AF_INET6) {
        auto& v6 = reinterpret_cast<sockaddr_in6&>(where.address);
        v6.sin6_family = AF_INET6;
        v6.sin6_addr = in6addr_loopback;
        where.bytes = sizeof v6;
    } else {
        auto& local = reinterpret_cast<sockaddr_un&>(where.address);
        local.sun_family = AF_UNIX;
        path.copy(local.sun_path, sizeof local.sun_path - 1);
        where.bytes = sizeof local;
    }
    return where;
}

// udiag_rqueue of a listening Unix socket: sock_diag(7).
std::uint64_t waiting_on_unix(int listening) {
    struct stat about {};
    ::fstat(listening, &about);
    struct {
        nlmsghdr header;
        unix_diag_req request;
    } message{};
    message.header.nlmsg_len = sizeof message;
    message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    message.header.nlmsg_flags = NLM_F_REQUEST;
    message.request.sdiag_family = AF_UNIX;
    message.request.udiag_ino = static_cast<std::uint32_t>(about.st_ino);
    message.request.udiag_show = UDIAG_SHOW_RQLEN;
    message.request.udiag_cookie[0] = message.request.udiag_cookie[1] = ~0U;
    static const int diag = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (::send(diag, &message, sizeof message, 0) < 0) return kUnlimited;
    alignas(nlmsghdr) std::array<char, 4096> buffer{};
    const ssize_t got = ::recv(diag, buffer.data(), buffer.size(), 0);
    const auto* header = reinterpret_cast<const nlmsghdr*>(buffer.data());
    if (got <= 0 || header->nlmsg_type != SOCK_DIAG_BY_FAMILY) return kUnlimited;
    const auto* answer = static_cast<const unix_diag_msg*>(NLMSG_DATA(header));
    const auto* attribute = reinterpret_cast<const nlattr*>(answer + 1);
    if (attribute->nla_type != UNIX_DIAG_RQLEN) return kUnlimited;
    return reinterpret_cast<const unix_diag_rqlen*>(attribute + 1)->udiag_rqueue;
}

// ListenOverflows of /proc/net/netstat: how often a full queue has cost a packet.
std::uint64_t overflows() {
    std::istringstream file(read_file("/proc/net/netstat"));
    std::string names, numbers;
    std::getline(file, names);
    std::getline(file, numbers);
    std::istringstream name(names), number(numbers);
    for (std::string a, b; name >> a && number >> b;)
        if (a == "ListenOverflows") return std::stoull(b);
    return kUnlimited;
}

class Listener {
  public:
    Listener(int family, const std::string& path, int backlog)
        : where_(somewhere(family, path)),
          fd_(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        if (family == AF_UNIX) ::unlink(path.c_str());
        EXPECT_EQ(::bind(fd_, where_.get(), where_.bytes), 0) << std::strerror(errno);
        if (family != AF_UNIX)
            ::getsockname(fd_, reinterpret_cast<sockaddr*>(&where_.address), &where_.bytes);
        listen(backlog);
    }
    ~Listener() {
        for (const int peer : peers_) drop(peer);
        ::close(fd_);
    }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] std::uint64_t limit() const { return limit_; }
    void listen(int backlog) {
        EXPECT_EQ(::listen(fd_, backlog), 0);
        limit_ = static_cast<std::uint64_t>(backlog) + 1;
    }
    // What the kernel says. A listening TCP socket has it in tcpi_unacked: tcp_get_info().
    [[nodiscard]] std::uint64_t waiting() const {
        if (where_.family == AF_UNIX) return waiting_on_unix(fd_);
        tcp_info info{};
        socklen_t bytes = sizeof info;
        ::getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &bytes);
        return info.tcpi_unacked;
    }
    // The errno of connect(2); EINPROGRESS: nothing has come back.
    int connect(bool expected = true) {
        const int peer = ::socket(where_.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        const int error = ::connect(peer, where_.get(), where_.bytes) == 0 ? 0 : errno;
        pollfd ready{peer, POLLOUT, 0};
        if (error == EINPROGRESS && expected && ::poll(&ready, 1, 60'000) == 1) {
            peers_.push_back(peer);
            return 0;
        }
        if (error == 0)
            peers_.push_back(peer);
        else if (error == EINPROGRESS)
            trying_.push_back(peer);
        else
            ::close(peer);
        return error;
    }
    void give_up() {
        for (const int peer : trying_) ::close(peer);
        trying_.clear();
    }
    void accept() const {
        const int accepted = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
        EXPECT_GE(accepted, 0) << std::strerror(errno);
        drop(accepted);
    }
    // It stays in the queue all the same.
    void close_a_peer() {
        if (peers_.empty()) return;
        drop(peers_.front());
        peers_.erase(peers_.begin());
    }
    void send(std::size_t peer) const { EXPECT_EQ(::send(peers_.at(peer), "x", 1, 0), 1); }
    [[nodiscard]] std::string target() const {
        if (where_.family == AF_UNIX)
            return std::string("unix ") +
                   reinterpret_cast<const sockaddr_un&>(where_.address).sun_path;
        const bool v6 = where_.family == AF_INET6;
        const in_port_t port = v6 ? reinterpret_cast<const sockaddr_in6&>(where_.address).sin6_port
                                  : reinterpret_cast<const sockaddr_in&>(where_.address).sin_port;
        return (v6 ? "tcp [::1]:" : "tcp 127.0.0.1:") + std::to_string(ntohs(port));
    }

  private:
    // Without TIME-WAIT: there are many.
    static void drop(int fd) {
        const linger now{1, 0};
        ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        ::close(fd);
    }

    Where where_;
    int fd_;
    std::uint64_t limit_ = 0;
    std::vector<int> peers_;
    std::vector<int> trying_;
};

class AcceptQueue : public testing::Test {
  protected:
    void SetUp() override {
        if (engine() != "kernel")
            GTEST_SKIP() << "engine " << engine() << " has no hooks for sockets";
    }
    static WatchedLevels levels(std::vector<std::string> all) {
        WatchedLevels watched;
        watched.levels = std::move(all);
        watched.resource = "accept_queue";
        return watched;
    }
    static RunOptions watching(const WatchedLevels& levels) {
        RunOptions options;
        options.watches = {levels.spec()};
        return options;
    }
    std::unique_ptr<Listener> listener(int family, int backlog) const {
        return std::make_unique<Listener>(family, folder_ / "listening", backlog);
    }

  private:
    ScratchFolder folder_;
};

class RandomAcceptQueue : public AcceptQueue, public testing::WithParamInterface<int> {};

struct Refusal {
    std::uint64_t usage, limit;
};

// One listener after the other, driven at random.
class Driven {
  public:
    Driven(std::unique_ptr<Listener> first, WatchedLevels levels, int family)
        : levels_(std::move(levels)), family_(family) {
        begin(std::move(first));
    }
    [[nodiscard]] std::uint64_t below(std::uint64_t bound) {
        return work::next_random(random_) % bound;
    }
    Listener& operator*() { return *listener_; }
    [[nodiscard]] std::uint64_t held() const { return held_; }

    // The kernel has to say so too, before anything else is done.
    void settle(const std::string& what) {
        ASSERT_TRUE(eventually([&] { return listener_->waiting() == held_; }))
            << what << ": " << listener_->waiting() << " wait, not " << held_;
        oracle_->step(held_, listener_->limit(), what);
    }
    void connect() {
        if (held_ < listener_->limit()) {
            ASSERT_EQ(listener_->connect(), 0);
            ++held_;
            return;
        }
        const std::uint64_t before = overflows();
        ASSERT_EQ(listener_->connect(false), family_ == AF_UNIX ? EAGAIN : EINPROGRESS);
        if (family_ != AF_UNIX) {
            ASSERT_TRUE(eventually([&] { return overflows() != before; }));
        }
        listener_->give_up();
        const std::uint64_t times = family_ == AF_UNIX ? 1 : overflows() - before;
        refusals.insert(refusals.end(), times, {held_, listener_->limit()});
    }
    void accept() {
        if (held_ == 0) return;
        listener_->accept();
        --held_;
    }
    void end() {
        listener_.reset();
        oracle_->exit(false);
        expected.insert(expected.end(), oracle_->events().begin(), oracle_->events().end());
        held_ = 0;
    }
    void begin(std::unique_ptr<Listener> next) {
        listener_ = std::move(next);
        targets.insert(listener_->target());
        oracle_ = std::make_unique<Oracle>(levels_, 0, listener_->limit());
    }

    ExpectedEvents expected;
    std::vector<Refusal> refusals;
    std::set<std::string> targets;

  private:
    WatchedLevels levels_;
    int family_;
    std::unique_ptr<Listener> listener_;
    std::unique_ptr<Oracle> oracle_;
    std::uint64_t held_ = 0;
    std::uint64_t random_ = 0x2545f4914f6cdd1d;
};

void check_denied(const Events& events, const std::vector<Refusal>& refusals, int error) {
    const Events denied = of_type(events, "denied");
    ASSERT_EQ(denied.size(), refusals.size());
    for (std::size_t i = 0; i < denied.size(); ++i) {
        EXPECT_EQ(denied[i].value("errno", 0), error) << brief(denied[i]);
        EXPECT_EQ(denied[i].value("reason", ""), error ? "" : "drop") << brief(denied[i]);
        EXPECT_EQ(denied[i].value("usage", kUnlimited), refusals[i].usage) << brief(denied[i]);
        EXPECT_EQ(denied[i].value("limit", kUnlimited), refusals[i].limit) << brief(denied[i]);
    }
}

TEST_P(RandomAcceptQueue, IsExact) {
    const WatchedLevels watched = levels({"3", "50%", "80%", "-1"});
    Driven driven(listener(GetParam(), 8), watched, GetParam());
    BrinkWatch watch({"--comm", "live_tests"}, watching(watched));
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    bool rising = true;
    for (int i = 0; i < 5000 && !HasFatalFailure(); ++i) {
        const std::uint64_t dice = driven.below(1000);
        if (dice < 3) {
            driven.end();
            driven.begin(listener(GetParam(), 4 + static_cast<int>(driven.below(12))));
        } else if (dice < 20) {
            (*driven).listen(4 + static_cast<int>(driven.below(12)));
        } else if (dice < 100) {
            (*driven).close_a_peer();
        } else if ((dice < 700) == rising) {
            driven.connect();
        } else {
            driven.accept();
        }
        if (driven.held() > (*driven).limit() || driven.below(16) == 0) rising = false;
        if (driven.held() == 0) rising = true;
        driven.settle("operation " + std::to_string(i));
    }
    ASSERT_FALSE(HasFatalFailure());
    driven.end();
    const auto ends = std::count_if(driven.expected.begin(), driven.expected.end(),
                                    [](const auto& event) { return event.type == "exit"; });
    EXPECT_TRUE(eventually([&] {
        return static_cast<std::ptrdiff_t>(of_type(watch.events(), "exit").size()) == ends;
    }));
    watch.child().signal(SIGTERM);
    EXPECT_EQ(watch.wait(), 0);
    const Events events = watch.events();
    check_stream(events);
    for (const Event& event : events) {
        EXPECT_EQ(event.value("scope", ""), "socket");
        EXPECT_EQ(event.value("pid", 0), ::getpid()) << brief(event);
        const std::string target = event.value("target", "");
        // The number of its inode, if it was closed before it could be asked for its name.
        EXPECT_TRUE(target.starts_with('#') || driven.targets.contains(target)) << brief(event);
    }
    check_events(events, driven.expected);
    EXPECT_GT(driven.refusals.size(), 3U);
    check_denied(events, driven.refusals, GetParam() == AF_UNIX ? EAGAIN : 0);
}

INSTANTIATE_TEST_SUITE_P(Of, RandomAcceptQueue, testing::Values(AF_INET, AF_INET6, AF_UNIX),
                         [](const auto& of) {
                             return of.param == AF_UNIX    ? "unix"
                                    : of.param == AF_INET6 ? "tcp6"
                                                           : "tcp";
                         });

// Connections of SYN cookies come to the queue another way. What waits when the watch begins is `initial`.
TEST_F(AcceptQueue, ByCookies) {
    const SysctlForNow always("net/ipv4/tcp_syncookies", "2");
    ASSERT_TRUE(always.done());
    const WatchedLevels watched = levels({"1", "2", "3"});
    const auto queue = listener(AF_INET, 4);
    ASSERT_EQ(queue->connect(), 0);
    ASSERT_TRUE(eventually([&] { return queue->waiting() == 1; }));
    BrinkWatch watch({"--all"}, watching(watched));
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    Oracle oracle(watched, 1, queue->limit());
    oracle.initial("begin");
    for (std::uint64_t waiting = 2; waiting <= 3; ++waiting) {
        ASSERT_EQ(queue->connect(), 0);
        ASSERT_TRUE(eventually([&] { return queue->waiting() == waiting; }));
        oracle.step(waiting, queue->limit(), "connect");
    }
    for (std::uint64_t waiting = 3; waiting-- > 0;) {
        queue->accept();
        oracle.step(waiting, queue->limit(), "accept");
    }
    EXPECT_TRUE(watch.wait_for_event([](const Event& event) {
        return event.value("direction", "") == "down" && event.value("level", 0) == 1;
    })) << watch.child().out();
    watch.child().signal(SIGTERM);
    EXPECT_EQ(watch.wait(), 0);
    check_events(watch.events(), oracle.events());
}

// The handshake begins while there is room, and ends when there is none: what was to complete it is dropped.
// What fills the queue of a socket with `Listener::listen(3)` and has one connection dropped that was let begin.
void overfill(Listener& queue) {
    const int seconds = 60;
    ASSERT_EQ(::setsockopt(queue.fd(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds), 0);
    const std::uint64_t before = overflows();
    const auto complete = [&](std::size_t peer) {  // with the data that it waits for
        queue.send(peer);
        return eventually([&] { return queue.waiting() == peer + 1; });
    };
    for (std::size_t peer = 0; peer < 3; ++peer) {
        ASSERT_EQ(queue.connect(), 0);
        ASSERT_TRUE(complete(peer));
    }
    ASSERT_EQ(queue.connect(), 0);
    ASSERT_EQ(queue.connect(), 0);
    ASSERT_TRUE(complete(3));
    queue.send(4);
    ASSERT_TRUE(eventually([&] { return overflows() != before; }));
    queue.accept();
    ASSERT_TRUE(eventually([&] { return queue.waiting() == 4; }));  // its data has come again
}

// The handshake begins while there is room, and ends when there is none: what was to complete it is dropped.
TEST_F(AcceptQueue, FullAtTheEndOfTheHandshake) {
    const auto v4 = listener(AF_INET, 3), v6 = listener(AF_INET6, 3);
    BrinkWatch watch({"--all"}, watching(levels({"100%"})));
    ASSERT_TRUE(watch.wait_ready()) << watch.child().err();
    const std::uint64_t before = overflows();
    overfill(*v4);
    const std::uint64_t of_v4 = overflows() - before;
    overfill(*v6);
    ASSERT_FALSE(HasFatalFailure());
    const std::uint64_t of_both = overflows() - before;
    EXPECT_TRUE(eventually([&] { return of_type(watch.events(), "denied").size() >= of_both; }));
    watch.child().signal(SIGTERM);
    EXPECT_EQ(watch.wait(), 0);
    const Events denied = of_type(watch.events(), "denied");
    ASSERT_EQ(denied.size(), of_both);
    for (std::size_t i = 0; i < denied.size(); ++i) {
        EXPECT_EQ(denied[i].value("target", ""), (i < of_v4 ? v4 : v6)->target());
        EXPECT_EQ(denied[i].value("usage", kUnlimited), 4U);
        EXPECT_EQ(denied[i].value("reason", ""), "drop");
        EXPECT_EQ(denied[i].value("pid", 0), ::getpid());
    }
}

}  // namespace
}  // namespace brink::live
