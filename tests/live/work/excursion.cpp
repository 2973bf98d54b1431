// SPDX-License-Identifier: Apache-2.0
// Short excursions around a level, as fast as the program can: from just below it, three opens and three closes, N
// times. With --hover it stays between --from and --to instead, one open and one close a time.
#include <cstdio>

#include "descriptor_directory.hpp"
#include "gate.hpp"
#include "options.hpp"

int main(int argc, char** argv) {
    using namespace brink::work;
    long times = 1000;
    long from = 0;
    long to = 0;
    bool hover = false;
    bool gate = false;
    bool quiet_exit = false;
    Options("excursion", "N excursions from a count to a higher one and back, as fast as possible.")
        .positional("N", "how many", &times)
        .number("from", "the count to start from (required)", &from)
        .number("to", "the count to go up to (from + 3)", &to)
        .flag("hover", "go up to from + 1 only, whatever --to says", &hover)
        .flag("close-all", "close what was opened before exiting", &quiet_exit)
        .flag("gate", "say `ready PID` and wait for a line, at `from` and before exiting", &gate)
        .parse(argc, argv);
    if (to == 0) to = from + 3;
    if (hover) to = from + 1;
    const DescriptorDirectory directory = DescriptorDirectory::open_own();
    const long base = directory.count();
    if (from < base || to > 4000 || to <= from) {
        std::fprintf(stderr, "excursion: --from must be at least %ld, --to above it\n", base);
        return 2;
    }
    static int fds[4096];
    for (long i = base; i < from; ++i) must((fds[i] = ::dup(directory.fd())) >= 0, "dup");
    ready_and_wait(gate);
    for (long i = 0; i < times; ++i) {
        for (long k = from; k < to; ++k) fds[k] = ::dup(directory.fd());
        for (long k = to - 1; k >= from; --k) ::close(fds[k]);
    }
    must(directory.count() == static_cast<unsigned>(from), "the count at the end");
    say("excursion: " + std::to_string(times) + " times from " + std::to_string(from) + " to " +
        std::to_string(to));
    ready_and_wait(gate);
    for (long i = base; quiet_exit && i < from; ++i) ::close(fds[i]);
    return 0;
}
