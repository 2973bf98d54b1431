// SPDX-License-Identifier: Apache-2.0
// ProcessTreeEnd: ends a command and everything that came from it: SIGTERM to all, a grace, SIGKILL
// to what is left. A small state machine driven by the caller's loop; nothing in it blocks.
//
// Descendants are found through /proc, again and again, because they may go on to fork; those whose
// parents have ended are found as children of `subreaper` (PR_SET_CHILD_SUBREAPER), which should be
// ourselves from before the command started. Processes are held by pidfd, so that no stranger is
// ever signalled. Who has ended and is a child of ours still has to be reaped by the caller.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "action/action.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"
#include "kernel/process_identity.hpp"
#include "kernel/procfs.hpp"

namespace brink::action {

struct TreeEndOptions {
    std::chrono::milliseconds grace{5'000};
    std::chrono::milliseconds give_up{5'000};  ///< after SIGKILL: who still lives cannot be ended
    pid_t subreaper = 0;  ///< whose orphaned children belong to the command too; 0: nobody's
    /// Children of `subreaper` to leave alone, with what comes from them (ExecRunner::owns).
    std::function<bool(pid_t)> spare;
};

class ProcessTreeEnd {
  public:
    /// Sends SIGTERM (and SIGCONT, for the stopped) to `root` and its descendants. `root` may have
    /// ended, or its number another owner than the one with `start_time` (clock ticks, as in
    /// ProcessStat): then its orphans are ended.
    [[nodiscard]] static Result<std::unique_ptr<ProcessTreeEnd>> begin(kernel::Procfs procfs,
                                                                       pid_t root,
                                                                       std::uint64_t start_time,
                                                                       TreeEndOptions options);

    /// Readable (epoll, level-triggered) when a process has ended: call step().
    [[nodiscard]] int fd() const { return epoll_.get(); }
    [[nodiscard]] int timeout_ms() const;
    void step();

    [[nodiscard]] bool done() const { return stage_ == Stage::done; }
    /// REQUIRES: done(). "done", or "failed" if somebody could not be ended.
    [[nodiscard]] const ActionOutcome& outcome() const { return outcome_; }

  private:
    using Clock = std::chrono::steady_clock;
    enum class Stage { terminating, killing, done };

    ProcessTreeEnd(kernel::Procfs procfs, pid_t root, std::uint64_t start_time,
                   TreeEndOptions options);

    void scan();
    bool hold(pid_t pid);
    [[nodiscard]] bool is_ours(const kernel::ProcessIdentity& process) const;
    void drop_ended();
    void signal(const kernel::ProcessIdentity& process) const;
    void conclude();

    kernel::Procfs procfs_;
    pid_t root_;
    std::uint64_t start_time_;
    TreeEndOptions options_;
    Fd epoll_;
    std::map<pid_t, kernel::ProcessIdentity> alive_;
    std::size_t n_held_ = 0;
    std::size_t n_killed_ = 0;
    Stage stage_ = Stage::terminating;
    Clock::time_point deadline_;
    ActionOutcome outcome_;
};

}  // namespace brink::action
