// SPDX-License-Identifier: Apache-2.0
// The loops whose cost is measured: each does one small thing to the process's own descriptors,
// memory, threads, children or nothing at all, over and over, and the answer is the time of one iteration.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "clock.hpp"

namespace brink::bench {

constexpr const char* kEndAtOnce = "--end-at-once";
constexpr const char* kOpenedFile = "/tmp/brink-bench-file";  // on tmpfs, in the guests

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

// This program again, told to end at once.
inline bool fork_exec_exit() {
    const pid_t child = ::fork();
    if (child == 0) {
        ::execl("/proc/self/exe", "loops", kEndAtOnce, nullptr);
        ::_exit(127);
    }
    int status = 1;
    return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

// A TCP connection to oneself: three descriptors. It is reset, or its port would be kept for a minute.
inline bool connect_accept() {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    static const int listener = [] {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in any{};
        any.sin_family = AF_INET;
        any.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
        return ::bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any) == 0 &&
                       ::listen(fd, 8) == 0
                   ? fd
                   : -1;
    }();
    if (::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) != 0) return false;
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const linger reset{1, 0};
    if (::setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) != 0 ||
        ::connect(client, reinterpret_cast<sockaddr*>(&address), length) != 0)
        return false;
    const int server = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    return server >= 0 && ::close(client) == 0 && ::close(server) == 0;
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

// One open and close of each of these, first read from the disk: its folder is the loops' --disk.
constexpr std::uint64_t kColdFiles = 1000;
inline std::string& cold_folder() {
    static std::string folder;
    return folder;
}
inline std::uint64_t next_cold_file = 0;

inline std::string cold_file(std::uint64_t i) {
    // In folders of ten, as files usually lie: their directories are cold as well.
    return cold_folder() + "/" + std::to_string(i / 10) + "/" + std::to_string(i % 10);
}

inline bool make_cold_files() {
    for (std::uint64_t i = 0; i < kColdFiles; ++i) {
        if (i % 10 == 0) ::mkdir((cold_folder() + "/" + std::to_string(i / 10)).c_str(), 0700);
        const int fd = ::open(cold_file(i).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        if (fd < 0 || ::close(fd) != 0) return false;
    }
    return true;
}

// Leaves nothing of the disk in the kernel's caches.
inline bool make_cold() {
    ::sync();
    const int fd = ::open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
    const bool dropped = fd >= 0 && ::write(fd, "3", 1) == 1;
    ::close(fd);
    next_cold_file = 0;
    return dropped;
}

inline bool open_close_cold() {
    const int fd = ::open(cold_file(next_cold_file++).c_str(), O_RDONLY | O_CLOEXEC);
    return fd >= 0 && ::close(fd) == 0;
}

struct Loop {
    std::string_view name;
    bool (*iteration)();
    // Where not every iteration is like the one before: what comes before a run and is not measured, and how many
    // iterations a run has. Its time is then that of the process, without that of waiting for the disk.
    bool (*before)() = nullptr;
    std::uint64_t iterations = 0;
};

constexpr Loop kLoops[] = {
    {"open_close", open_close},         {"dup_close", dup_close},
    {"fork_exit", fork_exit},           {"null_syscall", null_syscall},
    {"mmap_munmap", mmap_munmap},       {"brk_pair", brk_pair},
    {"page_fault", page_fault},         {"thread_join", thread_join},
    {"wakeup_pair", wakeup_pair},       {"fork_exec_exit", fork_exec_exit},
    {"connect_accept", connect_accept}, {"open_close_cold", open_close_cold, make_cold, kColdFiles},
};

// Nanoseconds of `iterations` iterations; -1: one failed.
inline std::int64_t time_ns(const Loop& loop, std::uint64_t iterations) {
    if (loop.before != nullptr && !loop.before()) return -1;
    const clockid_t clock = loop.before != nullptr ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC;
    const std::int64_t start = now_ns(clock);
    for (std::uint64_t i = 0; i < iterations; ++i)
        if (!loop.iteration()) return -1;
    return now_ns(clock) - start;
}

}  // namespace brink::bench
