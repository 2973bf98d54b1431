// SPDX-License-Identifier: Apache-2.0
// The loops whose cost is measured: each does one small thing to the process's own descriptors,
// memory, threads, children or nothing at all, over and over, and the answer is the time of one iteration.
#pragma once

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
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

inline bool mmap_munmap() {
    constexpr std::size_t kBytes = 16 * 4096;
    void* at = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at != MAP_FAILED && ::munmap(at, kBytes) == 0;
}

inline bool brk_pair() {
    constexpr std::intptr_t kBytes = 16 * 4096;
    return ::sbrk(kBytes) != reinterpret_cast<void*>(-1) &&
           ::sbrk(-kBytes) != reinterpret_cast<void*>(-1);
}

// The first write to a page. They are given back all together, which is a small part of what is measured.
inline bool page_fault() {
    constexpr std::size_t kPages = 512, kPage = 4096;
    static std::size_t next = kPages;
    static char* const pages = static_cast<char*>(::mmap(nullptr, kPages * kPage,
                                                         PROT_READ | PROT_WRITE,
                                                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (next == kPages) {
        if (::madvise(pages, kPages * kPage, MADV_NOHUGEPAGE) != 0 ||
            ::madvise(pages, kPages * kPage, MADV_DONTNEED) != 0)
            return false;
        next = 0;
    }
    static_cast<volatile char*>(pages)[next++ * kPage] = 1;
    return true;
}

inline bool thread_join() {
    pthread_t thread{};
    return ::pthread_create(
               &thread, nullptr, [](void* of) { return of; }, nullptr) == 0 &&
           ::pthread_join(thread, nullptr) == 0;
}

// A byte to a thread that waits for it, and one back: two wake-ups.
inline bool wakeup_pair() {
    static int there[2], back[2];
    static bool ready = false;  // a child has the pipes, but not the thread
    if (!ready) {
        pthread_t partner{};
        if (::pipe2(there, O_CLOEXEC) || ::pipe2(back, O_CLOEXEC) ||
            ::pthread_atfork(nullptr, nullptr, [] { ready = false; }) ||
            ::pthread_create(
                &partner, nullptr,
                [](void*) -> void* {
                    char byte = 0;
                    while (::read(there[0], &byte, 1) == 1)
                        if (::write(back[1], &byte, 1) != 1) break;
                    return nullptr;
                },
                nullptr))
            return false;
        ready = true;
    }
    char byte = 0;
    return ::write(there[1], "x", 1) == 1 && ::read(back[0], &byte, 1) == 1;
}

inline bool null_syscall() { return ::syscall(SYS_getppid) >= 0; }

struct Loop {
    std::string_view name;
    bool (*iteration)();
};

constexpr Loop kLoops[] = {
    {"open_close", open_close},     {"dup_close", dup_close},     {"fork_exit", fork_exit},
    {"null_syscall", null_syscall}, {"mmap_munmap", mmap_munmap}, {"brk_pair", brk_pair},
    {"page_fault", page_fault},     {"thread_join", thread_join}, {"wakeup_pair", wakeup_pair},
};

// Nanoseconds of `iterations` iterations; -1: one failed.
inline std::int64_t time_ns(const Loop& loop, std::uint64_t iterations) {
    const std::int64_t start = monotonic_ns();
    for (std::uint64_t i = 0; i < iterations; ++i)
        if (!loop.iteration()) return -1;
    return monotonic_ns() - start;
}

}  // namespace brink::bench
