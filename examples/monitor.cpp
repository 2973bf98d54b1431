// SPDX-License-Identifier: Apache-2.0
// Watches process PID: monitor PID SPEC, as in monitor 4321 nofile=80%
#include <sys/epoll.h>

#include <brink/monitor.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>

int main(int argc, char** argv) try {
    if (argc != 3) return std::fprintf(stderr, "usage: monitor PID SPEC\n"), 2;
    brink::Monitor monitor(BRINK_OPEN_NONBLOCK);
    monitor.watch(std::atoi(argv[1]), argv[2]);
    const int loop = epoll_create1(EPOLL_CLOEXEC);
    epoll_event wanted{EPOLLIN, {}};
    epoll_ctl(loop, EPOLL_CTL_ADD, monitor.fd(), &wanted);
    while (epoll_wait(loop, &wanted, 1, -1) == 1) {
        while (const auto event = monitor.read()) {
            std::printf("%s %s[%d] usage %llu\n", brink_type_name(event->type), event->comm, event->pid,
                        static_cast<unsigned long long>(event->usage));
            if (event->type == BRINK_EVENT_EXIT) return 0;
        }
    }
} catch (const std::exception& error) {
    return std::fprintf(stderr, "monitor: %s\n", error.what()), 1;
}
