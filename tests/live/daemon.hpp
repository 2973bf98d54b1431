// SPDX-License-Identifier: Apache-2.0
// brinkd as the tests start it, and monitors at it, also of other users.
#pragma once

#include <brink/brink.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "child.hpp"
#include "machine.hpp"

namespace brink::live {

// Two ordinary users that nobody else is, and a group.
inline constexpr uid_t kAlice = 4242;
inline constexpr uid_t kBob = 4343;
inline constexpr gid_t kWatchers = 4999;

class Daemon {
  public:
    // With the engine under test, and kWatchers as the group that may watch everything.
    explicit Daemon(const std::vector<std::string>& arguments = {}, ChildOptions options = {});

    Child& child() { return *child_; }
    const std::string& socket() const { return socket_; }
    bool wait_ready() { return child_->wait_for_error_line("^brinkd: serving at "); }

  private:
    ScratchFolder folder_;
    std::string socket_;
    std::unique_ptr<Child> child_;
};

// A descriptor of a monitor that closes itself.
class Monitor {
  public:
    explicit Monitor(int fd = -1) : fd_(fd) {}
    Monitor(Monitor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Monitor& operator=(Monitor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Monitor() { close(); }

    int fd() const { return fd_; }
    void close();
    // 0, or the errno.
    int watch(pid_t pid, const std::string& spec);
    // The next event that is no reply; nullopt when there is none in time, or the daemon has ended.
    std::optional<brink_event> next();
    std::optional<brink_event> next_of(brink_event_type type);
    bool silent();  // whether nothing waits

  private:
    int fd_;
};

// Opened by a process with these ids, and brought here: authority is that of who opened it.
Monitor open_as(const Daemon& daemon, uid_t uid, gid_t gid, const std::vector<gid_t>& groups = {});
// In whatever state `prepare` has brought the process.
Monitor open_in(const Daemon& daemon, const std::function<void()>& prepare);

}  // namespace brink::live
