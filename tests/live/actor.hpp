// SPDX-License-Identifier: Apache-2.0
// A process that does single things when told, and says what the kernel answered: with it a test finds where a limit
// really stands. And what brink limits says about it.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace brink::live {

// What it can do. Each answers with 0 or an errno, but for those that say otherwise.
enum class Deed : int {
    set_limit,    // RLIMIT_… `a` to soft limit `b`
    reserve,      // address space without memory: one page
    map,          // private writable memory: one page
    lock,         // one page more
    lock_shared,  // `a` bytes of System V shared memory, SHM_LOCK
    map_apart,    // a mapping that cannot be merged with another; `a` of them, until one is refused
    touch,        // `a` pages, written to
    breathe,      // `a` pages, written to and given back, `b` times
    grow_stack,   // by `a` bytes
    start_thread,   // which sleeps
    start_process,  // which sleeps
    queue_signal,   // to itself, which blocks it
    open_queue,     // a POSIX message queue of `a` messages of `b` bytes
    watch_file,  // inotify_add_watch of a new file in the folder it was started with, on instance `a`
    new_inotify,    // an instance
    duplicate,      // descriptor `a`
    open_file,      // for itself
    reserve_much,   // address space without memory: `a` bytes
    break_up,       // the program break, by `a` bytes; ENOMEM if it did not move
    map_locked,     // `a` bytes, MAP_LOCKED
    lock_nothing,   // mlock() of what is not mapped
    drop_rights,    // CAP_IPC_LOCK, in effect
    take_signal,    // one that is queued
    end_process,    // the last that start_process started
    close_inotify,  // the last instance
    watch_folder,   // on the last instance: a new folder in the one it was started with
    unwatch,        // the last of these
    close_queue,    // the last
    unlock_shared,  // the last
    new_user_namespace,
    burn,  // until the kernel sends SIGXCPU, which it blocks
};

class Actor {
  public:
    // `prepare` runs in the process, before anything else: who it is, where it lives. It must not fail.
    explicit Actor(const std::function<void()>& prepare = [] {});
    ~Actor();
    Actor(const Actor&) = delete;
    Actor& operator=(const Actor&) = delete;

    pid_t pid() const { return pid_; }
    std::int64_t operator()(Deed deed, std::uint64_t a = 0, std::uint64_t b = 0) const;

  private:
    pid_t pid_ = -1;
    int orders_ = -1;
    int answers_ = -1;
};

// As prepare: an ordinary user, one that nobody else is.
inline constexpr uid_t kStranger = 4242;
void become_stranger();

// The rows of `brink limits -r RESOURCE`, with the engine that is best here, or another.
std::vector<nlohmann::json> limits_of(const std::string& resource,
                                      const std::string& engine = "auto");
template <typename Value>
std::optional<nlohmann::json> row_with(const std::string& engine, const std::string& resource,
                                       const char* field, const Value& value) {
    for (const nlohmann::json& row : limits_of(resource, engine))
        if (row.contains(field) && row[field] == value && row.contains("usage")) return row;
    return std::nullopt;
}

// The one of which field `field` is `value`. Whoever reads it, the task iterator or /proc, must say the same.
template <typename Value>
std::optional<nlohmann::json> row_of(const std::string& resource, const char* field,
                                     const Value& value) {
    const auto best = row_with("auto", resource, field, value);
    if (best && best->value("engine", "") == "kernel") {
        const auto other = row_with("poll", resource, field, value);
        if (other && resource != "rss") {
            EXPECT_EQ(other->at("usage"), best->at("usage")) << resource;
            EXPECT_EQ(other->at("limit"), best->at("limit")) << resource;
        }
    }
    return best;
}

}  // namespace brink::live
