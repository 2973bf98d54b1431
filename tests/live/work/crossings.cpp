// SPDX-License-Identifier: Apache-2.0
// N crossings of one level, up and down in turn, as fast as the program can: one dup, one close, again and again.
#include <cstdio>

#include "descriptor_directory.hpp"
#include "gate.hpp"
#include "options.hpp"

int main(int argc, char** argv) {
    using namespace brink::work;
    long crossings = 1000;
    long level = 0;
    bool gate = false;
    Options("crossings",
            "N crossings of one level, half of them up and half of them down, as fast as possible.")
        .positional("N", "how many; odd: it ends above the level", &crossings)
        .number("level", "the level (required)", &level)
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
    for (long i = 0; i < crossings; ++i) {
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
