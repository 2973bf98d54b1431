// SPDX-License-Identifier: Apache-2.0
// A small server that leaks: every request it handles leaves a socket, a file or a pipe behind. At 95 % of a limit of
// 256 it has run for about six seconds. On SIGTERM it says whether it ever saw EMFILE, and ends. It is compiled with
// frame pointers and without inlining of the functions below, so that a stack shows who leaks.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>

#include "options.hpp"

namespace {

volatile sig_atomic_t terminated = 0;
long opened = 0;
long refused = 0;

void note(int fd, int count) {
    if (fd >= 0) {
        opened += count;
    } else if (errno == EMFILE) {
        ++refused;
    }
}

}  // namespace

// Not in the anonymous namespace: their names are what the evidence shows.
[[gnu::noinline]] void leak_socket() {
    note(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), 1);
    asm volatile("");  // no tail call: this frame stays on the stack
}
[[gnu::noinline]] void leak_file() {
    note(::open("/etc/passwd", O_RDONLY | O_CLOEXEC), 1);
    asm volatile("");
}
[[gnu::noinline]] void leak_pipe() {
    int ends[2];
    note(::pipe2(ends, O_CLOEXEC), 2);
    asm volatile("");
}
[[gnu::noinline]] void handle_request(long number) {
    switch (number % 5) {
        case 0:
        case 2:
        case 3: leak_socket(); break;
        case 1: leak_file(); break;
        default: leak_pipe(); break;
    }
    asm volatile("");
}
[[gnu::noinline]] void serve(long per_second, long stop_after) {
    timespec pause{};
    pause.tv_sec = 1 / per_second;
    pause.tv_nsec = per_second > 1 ? 1000000000L / per_second : 0;
    for (long request = 0; terminated == 0 && (stop_after == 0 || request < stop_after);
         ++request) {
        handle_request(request);
        ::nanosleep(&pause, nullptr);
    }
    asm volatile("");
}

int main(int argc, char** argv) {
    long per_second = 34;
    long stop_after = 0;
    brink::work::Options("leaky", "A server that leaks sockets, files and pipes until SIGTERM.")
        .number("per-second", "requests a second; five of them leak six descriptors (34)",
                &per_second)
        .number("stop-after", "end by itself after so many requests (0: never)", &stop_after)
        .parse(argc, argv);
    if (per_second < 1) per_second = 1;
    struct sigaction action {};
    action.sa_handler = [](int) { terminated = 1; };
    ::sigaction(SIGTERM, &action, nullptr);
    ::sigaction(SIGINT, &action, nullptr);
    serve(per_second, stop_after);
    if (refused == 0) {
        std::printf("leaky: pid %d opened %ld descriptors, never saw EMFILE\n", ::getpid(), opened);
    } else {
        std::printf("leaky: pid %d opened %ld descriptors, saw EMFILE %ld time%s\n", ::getpid(),
                    opened, refused, refused == 1 ? "" : "s");
    }
    return 0;
}
