// SPDX-License-Identifier: Apache-2.0
// brink::Monitor: libbrink for C++. Header only, over brink/brink.h; errors are std::system_error with brink's sentence.
//
//     brink::Monitor monitor;
//     monitor.watch(0, "nofile=80%");
//     while (auto event = monitor.read()) ...
//
// One object, one thread at a time; the descriptor may be polled from anywhere.
#pragma once

#include <unistd.h>

#include <brink/brink.h>

#include <cerrno>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace brink {

class Monitor {
  public:
    /// At the daemon, or with BRINK_OPEN_IN_PROCESS without one.
    explicit Monitor(unsigned flags = 0, const char* path = nullptr)
        : fd_(checked(::brink_open(path, flags))) {}
    /// Takes over a descriptor that somebody else has opened.
    static Monitor adopt(int fd) { return Monitor(Adopted{fd}); }

    Monitor(Monitor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Monitor& operator=(Monitor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    Monitor(const Monitor&) = delete;
    Monitor& operator=(const Monitor&) = delete;
    ~Monitor() {
        if (fd_ >= 0) ::close(fd_);
    }

    [[nodiscard]] int fd() const { return fd_; }

    /// The number of the watch.
    int watch(pid_t pid, const std::string& spec) {
        return checked(::brink_watch(fd_, pid, spec.c_str()));
    }
    int watch_pidfd(int pidfd, const std::string& spec) {
        return checked(::brink_watch_pidfd(fd_, pidfd, spec.c_str()));
    }
    void unwatch(int watch) { checked(::brink_unwatch(fd_, watch)); }

    /// The next event; with BRINK_OPEN_NONBLOCK nullopt if there is none now. A daemon that has ended is an error, EPIPE.
    std::optional<brink_event> read() {
        brink_event event;
        const ssize_t got = ::brink_read(fd_, &event, 1);
        if (got == 1) return event;
        if (got < 0 && errno == EAGAIN) return std::nullopt;
        if (got == 0) throw std::system_error(EPIPE, std::generic_category(), "brinkd has ended");
        checked(-1);
        return std::nullopt;
    }

  private:
    struct Adopted {
        int fd;
    };
    explicit Monitor(Adopted adopted) : fd_(adopted.fd) {}
    static int checked(int result) {
        if (result < 0) throw std::system_error(errno, std::generic_category(), ::brink_error());
        return result;
    }

    int fd_ = -1;
};

}  // namespace brink
