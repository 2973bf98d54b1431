// SPDX-License-Identifier: Apache-2.0
// N crossings of one level, up and down in turn, as fast as the program can or at a rate: one dup, one close, again and
// again.
#include <cstdio>
#include <ctime>

#include "descriptor_directory.hpp"
#include "gate.hpp"
#include "options.hpp"

namespace {

// Returns when crossing number `i` is due, at `rate` a second from `start` on. It does not sleep: that would make bursts.
void wait_for_turn(long i, long rate, const timespec& start) {
    const long due_ns = static_cast<long>(static_cast<double>(i) * 1e9 / static_cast<double>(rate));
    for (timespec now{};;) {
        ::clock_gettime(CLOCK_MONOTONIC, &now);
        if ((now.tv_sec - start.tv_sec) * 1'000'000'000 + now.tv_nsec - start.tv_nsec >= due_ns)
            return;
    }
}

}  // namespace

int main(int argc, char** argv) {
    using namespace brink::work;
    long crossings = 1000;
    long rate = 0;
    long level = 0;
    bool gate = false;
    Options("crossings",
            "N crossings of one level, half of them up and half of them down, as fast as possible.")
        .positional("N", "how many; odd: it ends above the level", &crossings)
        .number("level", "the level (required)", &level)
        .number("rate", "a second (0: as fast as possible)", &rate)
        .flag("gate", "say `ready PID` and wait for a line, one below the level and before exiting",
              &gate)
        .parse(argc, argv);
    const DescriptorDirectory directory = DescriptorDirectory::open_own();
    const long base = directory.count();
    if (level <= base) {
        std::fprintf(stderr, "crossings: --level must be above %ld\n", base);
        return 2;
    }
    for (long i = base; i < level - 1; ++i) must(::dup(directory.fd()) >= 0, "dup");
    ready_and_wait(gate);
    int fd = -1;
    timespec start{};
    ::clock_gettime(CLOCK_MONOTONIC, &start);
    for (long i = 0; i < crossings; ++i) {
        if (rate > 0) wait_for_turn(i, rate, start);
        if (i % 2 == 0)
            must((fd = ::dup(directory.fd())) >= 0, "dup");
        else
            ::close(fd);
    }
    say("crossings: " + std::to_string(crossings) + ", count now " +
        std::to_string(directory.count()));
    ready_and_wait(gate);
    return 0;
}
