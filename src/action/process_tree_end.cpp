// SPDX-License-Identifier: Apache-2.0
// Each step: forget who has ended, look for who is new, press on when time is up.
#include "action/process_tree_end.hpp"

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <vector>

#include "kernel/child_lookup.hpp"

namespace brink::action {
namespace {

// How often new descendants are looked for.
constexpr std::chrono::milliseconds kScanInterval{50};

// By pidfd; by number only where the kernel gave no pidfd, for a process just seen alive.
void send(const kernel::ProcessIdentity& process, int signal) {
    if (process.pidfd() >= 0)
        ::syscall(SYS_pidfd_send_signal, process.pidfd(), signal, nullptr, 0);
    else
        ::kill(process.pid(), signal);
}

}  // namespace

ProcessTreeEnd::ProcessTreeEnd(kernel::Procfs procfs, pid_t root, std::uint64_t start_time,
                               TreeEndOptions options)
    : procfs_(std::move(procfs)),
      root_(root),
      start_time_(start_time),
      options_(std::move(options)) {}

Result<std::unique_ptr<ProcessTreeEnd>> ProcessTreeEnd::begin(kernel::Procfs procfs, pid_t root,
                                                              std::uint64_t start_time,
                                                              TreeEndOptions options) {
    std::unique_ptr<ProcessTreeEnd> end(
        new ProcessTreeEnd(std::move(procfs), root, start_time, std::move(options)));
    end->epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!end->epoll_) return fail_errno("restart: epoll_create1");
    end->deadline_ = Clock::now() + end->options_.grace;
    end->scan();
    if (end->alive_.empty()) end->conclude();
    return end;
}

// From the root, from the orphans, and from those held already, whose parents may be gone.
void ProcessTreeEnd::scan() {
    const kernel::ChildLookup lookup(procfs_);
    hold(root_);
    if (options_.subreaper != 0)
        for (const pid_t orphan : lookup.of(options_.subreaper)) hold(orphan);
    std::vector<pid_t> parents;
    for (const auto& [pid, process] : alive_) parents.push_back(pid);
    for (std::size_t i = 0; i < parents.size(); ++i)
        for (const pid_t child : lookup.of(parents[i]))
            if (hold(child)) parents.push_back(child);
}

// Whether `pid` is one more to be ended.
bool ProcessTreeEnd::hold(pid_t pid) {
    if (alive_.contains(pid)) return false;
    auto process = kernel::ProcessIdentity::take(procfs_, pid);
    if (!process || process->ended(procfs_) || !is_ours(*process)) return false;
    if (process->pidfd() >= 0) {
        epoll_event event{};
        event.events = EPOLLIN;
        (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, process->pidfd(), &event);
    }
    signal(*process);
    ++n_held_;
    alive_.emplace(pid, std::move(*process));
    return true;
}

// Between the list and the hold the number may have got a new owner, whose parent is another.
bool ProcessTreeEnd::is_ours(const kernel::ProcessIdentity& process) const {
    if (process.pid() == root_) return process.start_time() == start_time_;
    const pid_t parent = process.first_stat().ppid;
    if (options_.subreaper != 0 && parent == options_.subreaper)
        return !options_.spare || !options_.spare(process.pid());
    return alive_.contains(parent);
}

void ProcessTreeEnd::signal(const kernel::ProcessIdentity& process) const {
    send(process, stage_ == Stage::terminating ? SIGTERM : SIGKILL);
    if (stage_ == Stage::terminating) send(process, SIGCONT);
}

void ProcessTreeEnd::drop_ended() {
    std::erase_if(alive_, [&](const auto& entry) { return entry.second.ended(procfs_); });
}

void ProcessTreeEnd::step() {
    if (done()) return;
    drop_ended();
    scan();
    // Whose parent ended between two of the lists was on neither: once more, now that all are gone.
    if (alive_.empty()) scan();
    if (alive_.empty()) return conclude();
    if (Clock::now() < deadline_) return;
    if (stage_ == Stage::killing) return conclude();
    stage_ = Stage::killing;
    deadline_ = Clock::now() + options_.give_up;
    n_killed_ = alive_.size();
    for (const auto& [pid, process] : alive_) signal(process);
}

void ProcessTreeEnd::conclude() {
    stage_ = Stage::done;
    if (!alive_.empty()) {
        outcome_ = failed(std::to_string(alive_.size()) + " processes could not be ended, " +
                          std::to_string(alive_.begin()->first) + " among them");
        return;
    }
    outcome_ = {"done",
                "ended " + std::to_string(n_held_) + (n_held_ == 1 ? " process" : " processes"),
                std::nullopt};
    if (n_killed_ != 0) outcome_.detail += ", " + std::to_string(n_killed_) + " of them by SIGKILL";
}

int ProcessTreeEnd::timeout_ms() const {
    if (done()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
    return static_cast<int>(std::clamp(left, std::chrono::milliseconds(0), kScanInterval).count());
}

}  // namespace brink::action
