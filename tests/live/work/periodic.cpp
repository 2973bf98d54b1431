// SPDX-License-Identifier: Apache-2.0
// periodic NAME CPU PRIORITY BUSY_US PERIOD_US: sleeps until the next period, then keeps processor CPU busy for a while, as
// SCHED_FIFO with that priority (0: as an ordinary task). Says "ready", then "late NS" whenever its own clock says that
// it was woken 100 us late or more. Until its input ends.
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "clock.hpp"

namespace {

using brink::work::now_ns;

constexpr long long kLateNs = 100'000;

bool prepare(const char* name, int cpu, int priority) {
    prctl(PR_SET_NAME, name);
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(cpu), &set);
    sched_param param{};
    param.sched_priority = priority;
    return sched_setaffinity(0, sizeof set, &set) == 0 &&
           (priority == 0 || sched_setscheduler(0, SCHED_FIFO, &param) == 0) &&
           fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK) == 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6 || !prepare(argv[1], std::atoi(argv[2]), std::atoi(argv[3]))) return 1;
    const long long busy_ns = std::atoll(argv[4]) * 1000, period_ns = std::atoll(argv[5]) * 1000;
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    std::puts("ready");
    char byte = 0;
    for (long long next = now_ns() + period_ns; read(STDIN_FILENO, &byte, 1) != 0;) {
        const timespec until{next / 1'000'000'000, next % 1'000'000'000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
        const long long begin = now_ns();
        if (begin - next >= kLateNs) std::printf("late %lld\n", begin - next);
        while (now_ns() < begin + busy_ns) {
        }
        while (next <= now_ns()) next += period_ns;
    }
    return 0;
}
