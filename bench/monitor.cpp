// SPDX-License-Identifier: Apache-2.0
// What a monitor at brinkd takes, each beside the least that such a thing can take, in the same run: setting a watch and
// an empty round trip on such a socket; from a crossing to poll(2) returning in the client and a bare wake-up over two
// hops; events a second until one is lost. Prints one JSON line. The daemon is the one that $BRINK_SOCKET names.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <brink/brink.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

namespace {

using Samples = std::vector<double>;

double now_us() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

void sleep_us(double us) {
    const auto ns = static_cast<long>(us * 1e3);
    const timespec pause{ns / 1'000'000'000, ns % 1'000'000'000};
    ::nanosleep(&pause, nullptr);
}

[[noreturn]] void give_up(const char* what) {
    std::fprintf(stderr, "monitor: %s: %s\n", what, brink_error());
    std::exit(1);
}

double median(Samples samples) {
    std::nth_element(samples.begin(),
                     samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2),
                     samples.end());
    return samples[samples.size() / 2];
}

// A process that runs `work` with its end of a socketpair; the other end comes back.
struct Peer {
    int socket;
    pid_t pid;
};

Peer start(const std::function<void(int)>& work) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends)) give_up("socketpair");
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::close(ends[0]);
        work(ends[1]);
        ::_exit(0);
    }
    ::close(ends[1]);
    return {ends[0], pid};
}

void stop(const Peer& peer) {
    ::close(peer.socket);
    ::kill(peer.pid, SIGKILL);
    ::waitpid(peer.pid, nullptr, 0);
}

// Requests in, replies out, nothing between.
void answer_all(int socket) {
    brink_request request{};
    const brink_event reply{};
    while (::recv(socket, &request, sizeof request, 0) > 0)
        if (::send(socket, &reply, sizeof reply, MSG_NOSIGNAL) < 0) return;
}

void sleep_for_ever(int) {
    while (true) ::pause();
}

// Waits for a number of crossings to make, `gap_us` apart: opens, and closes again.
struct Order {
    int times;
    double gap_us;
};

void cross(int socket) {
    Order order{};
    while (::recv(socket, &order, sizeof order, 0) == sizeof order) {
        double next = now_us();
        for (int i = 0; i < order.times; ++i) {
            const int fd = ::open("/dev/null", O_RDONLY);
            ::close(fd);
            next += order.gap_us;
            if (order.gap_us > 200)
                sleep_us(order.gap_us);
            else
                while (order.gap_us > 0 && now_us() < next) {
                }
        }
        if (::send(socket, &order, sizeof order, MSG_NOSIGNAL) < 0) return;
    }
}

void measure_watch(int monitor) {
    const Peer bare = start(answer_all);
    const Peer sleeper = start(sleep_for_ever);
    Samples trips;
    Samples watches;
    for (int i = 0; i < 1000; ++i) {
        brink_request request{};
        brink_event reply{};
        double begin = now_us();
        if (::send(bare.socket, &request, sizeof request, 0) < 0 ||
            ::recv(bare.socket, &reply, sizeof reply, 0) < 0)
            give_up("round trip");
        trips.push_back(now_us() - begin);
        begin = now_us();
        const int watch = brink_watch(monitor, sleeper.pid, "nofile=500");
        watches.push_back(now_us() - begin);
        if (watch < 0 || brink_unwatch(monitor, watch)) give_up("watch");
    }
    std::vector<Peer> many;
    std::vector<brink_target> targets;
    for (int i = 0; i < BRINK_MAX_REQUESTS; ++i) {
        many.push_back(start(sleep_for_ever));
        targets.push_back({many.back().pid, "nofile=500", 0, 0, 0});
    }
    Samples batches;
    for (int i = 0; i < 20; ++i) {
        const double begin = now_us();
        if (brink_watch_all(monitor, targets.data(), targets.size()) != BRINK_MAX_REQUESTS)
            give_up("batch");
        batches.push_back((now_us() - begin) / BRINK_MAX_REQUESTS);
        for (const brink_target& target : targets) brink_unwatch(monitor, target.watch);
    }
    std::printf("\"round_trip_us\": %.2f, \"watch_us\": %.2f, \"batch_watch_us\": %.2f, ",
                median(trips), median(watches), median(batches));
    for (const Peer& peer : many) stop(peer);
    stop(bare);
    stop(sleeper);
}

// From the time that the hook noted to poll() returning here.
Samples crossings(int monitor, const Peer& crosser, int times, double gap_us) {
    Samples delays;
    const Order order{times, gap_us};
    if (::send(crosser.socket, &order, sizeof order, 0) < 0) give_up("order");
    for (int i = 0; i < 2 * times; ++i) {
        pollfd waiting{monitor, POLLIN, 0};
        ::poll(&waiting, 1, -1);
        const double returned = now_us();
        brink_event event{};
        if (brink_read(monitor, &event, 1) != 1) give_up("read");
        // The way down follows at once, and its reader is awake.
        if (event.direction == BRINK_UP)
            delays.push_back(returned - static_cast<double>(event.monotonic_ns) / 1e3);
    }
    Order done{};
    if (::recv(crosser.socket, &done, sizeof done, 0) < 0) give_up("done");
    return delays;
}

// The same way without brink: a process that wakes another, which wakes this one.
Samples two_hops(int times, double gap_us) {
    int first[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, first)) give_up("socketpair");
    const Peer middle = start([&](int socket) {
        double stamp = 0;
        while (true) {
            pollfd waiting{first[0], POLLIN, 0};
            ::poll(&waiting, 1, -1);
            if (::recv(first[0], &stamp, sizeof stamp, 0) <= 0 ||
                ::send(socket, &stamp, sizeof stamp, 0) < 0)
                return;
        }
    });
    const Peer source = start([&](int) {
        for (int i = 0; i < times; ++i) {
            sleep_us(gap_us);
            const double stamp = now_us();
            if (::send(first[1], &stamp, sizeof stamp, 0) < 0) return;
        }
        sleep_for_ever(0);
    });
    Samples delays;
    for (int i = 0; i < times; ++i) {
        pollfd waiting{middle.socket, POLLIN, 0};
        ::poll(&waiting, 1, -1);
        const double returned = now_us();
        double stamp = 0;
        if (::recv(middle.socket, &stamp, sizeof stamp, 0) < 0) give_up("recv");
        delays.push_back(returned - stamp);
    }
    stop(source);
    stop(middle);
    ::close(first[0]);
    ::close(first[1]);
    return delays;
}

void measure_latency(int monitor, const Peer& crosser) {
    const Samples often = crossings(monitor, crosser, 3000, 1000);
    const Samples rare = crossings(monitor, crosser, 60, 100'000);
    const Samples bare = two_hops(60, 100'000);
    std::printf("\"crossing_us\": %.1f, \"rare_crossing_us\": %.1f, \"two_hops_us\": %.1f, ",
                median(often), median(rare), median(bare));
}

// The highest rate, of some, at which a second passes without a loss.
void measure_rate(int monitor, const Peer& crosser) {
    std::array<brink_event, 64> events{};
    double best = 0;
    std::uint64_t sent = 0;
    std::uint64_t seen = 0;
    for (const double rate : {50e3, 100e3, 110e3, 125e3, 150e3, 200e3, 300e3, 400e3}) {
        const Order order{static_cast<int>(rate / 2), 2e6 / rate};
        const double begin = now_us();
        if (::send(crosser.socket, &order, sizeof order, 0) < 0) give_up("order");
        std::uint64_t lost = 0;
        sent += 2 * static_cast<std::uint64_t>(order.times);
        while (seen < sent) {
            const ssize_t got = brink_read(monitor, events.data(), events.size());
            if (got <= 0) give_up("read");
            for (ssize_t i = 0; i < got; ++i) {
                const brink_event& event = events[static_cast<std::size_t>(i)];
                lost += event.count;
                seen += event.type == BRINK_EVENT_CROSSING ? 1 : event.count;
            }
        }
        const double took_s = (now_us() - begin) / 1e6;
        Order done{};
        if (::recv(crosser.socket, &done, sizeof done, 0) < 0) give_up("done");
        if (lost) break;
        best = std::max(best, 2.0 * order.times / took_s);
    }
    std::printf("\"events_per_s\": %.0f, \"sent\": %llu, \"seen_or_lost\": %llu", best,
                static_cast<unsigned long long>(sent), static_cast<unsigned long long>(seen));
}

}  // namespace

int main() {
    const int monitor = brink_open(nullptr, 0);
    if (monitor < 0) give_up("open");
    std::printf("{");
    measure_watch(monitor);
    const Peer crosser = start(cross);
    int count = 0;
    for (int fd = 0; fd < 1024; ++fd) count += ::fcntl(fd, F_GETFD) >= 0;
    // It has what this process has, less the end of its own socket that is closed there.
    if (brink_watch(monitor, crosser.pid, ("nofile=" + std::to_string(count + 1)).c_str()) < 0)
        give_up("watch");
    measure_latency(monitor, crosser);
    measure_rate(monitor, crosser);
    std::printf("}\n");
    stop(crosser);
    return 0;
}
