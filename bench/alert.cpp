// SPDX-License-Identifier: Apache-2.0
// The program that every peer runs to raise its alarm (bench/catch.py): appends NAME and the nanoseconds of
// CLOCK_MONOTONIC at which it was running to FILE, one line.
//
//   alert FILE NAME [--argument WORD | --input TEXT | --each-line TEXT] [ARG...]
//
// A peer also runs it when all is well again: with --argument only if WORD is among what comes after it, with --input
// only if TEXT is in a line of standard input. With --each-line it stays, and a line is appended whenever one with TEXT
// comes in: for peers that start their alarm's program once and write to it.
#include <fcntl.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "clock.hpp"
#include "gate.hpp"

namespace {

using namespace brink::work;
using brink::bench::monotonic_ns;

void append(const char* file, const char* name, std::int64_t at_ns) {
    const int fd = ::open(file, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0666);
    must(fd >= 0, file);
    char line[128];
    const int length = std::snprintf(line, sizeof line, "%.64s %" PRId64 "\n", name, at_ns);
    must(::write(fd, line, static_cast<std::size_t>(length)) == length, file);
    ::close(fd);
}

bool among(std::string_view word, char* const* arguments) {
    for (; *arguments != nullptr; ++arguments)
        if (word == *arguments) return true;
    return false;
}

bool next_line_with(std::string_view text) {
    for (bool ended = false; !ended;)
        if (next_line(&ended).find(text) != std::string::npos) return true;
    return false;
}

}  // namespace

int main(int argc, char** argv) {
    const std::int64_t started_ns = monotonic_ns();
    if (argc != 3 && argc < 5) {
        std::fprintf(stderr, "alert: see the top of bench/alert.cpp\n");
        return 2;
    }
    const char* const file = argv[1];
    const char* const name = argv[2];
    const std::string_view mode = argc > 3 ? argv[3] : "";
    if (mode == "--each-line") {
        while (next_line_with(argv[4])) append(file, name, monotonic_ns());
        return 0;
    }
    const bool meant = mode.empty() || (mode == "--argument" && among(argv[4], argv + 5)) ||
                       (mode == "--input" && next_line_with(argv[4]));
    if (meant) append(file, name, started_ns);
    return 0;
}
