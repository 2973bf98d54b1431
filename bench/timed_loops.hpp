// SPDX-License-Identifier: Apache-2.0
// The loops whose cost is measured: each does one small thing to the process's own descriptors,
// children or nothing at all, over and over, and the answer is the time of one iteration.
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace brink::bench {

constexpr const char* kOpenedFile = "/tmp/brink-bench-file";  // on tmpfs, in the guests

inline std::int64_t monotonic_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

// False: an iteration failed (errno says why).
inline bool open_close() {
    const int fd = ::open(kOpenedFile, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && ::close(fd) == 0;
}

inline bool dup_close() {
    const int fd = ::dup(STDIN_FILENO);
    return fd >= 0 && ::close(fd) == 0;
}

inline bool fork_exit() {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    return child > 0 && ::waitpid(child, nullptr, 0) == child;
}

inline bool null_syscall() { return ::syscall(SYS_getppid) >= 0; }

struct Loop {
    std::string_view name;
    bool (*iteration)();
};

constexpr Loop kLoops[] = {
    {"open_close", open_close},
    {"dup_close", dup_close},
    {"fork_exit", fork_exit},
    {"null_syscall", null_syscall},
};

// Nanoseconds of `iterations` iterations; -1: one failed.
inline std::int64_t time_ns(const Loop& loop, std::uint64_t iterations) {
    const std::int64_t start = monotonic_ns();
    for (std::uint64_t i = 0; i < iterations; ++i)
        if (!loop.iteration()) return -1;
    return monotonic_ns() - start;
}

}  // namespace brink::bench
