// SPDX-License-Identifier: Apache-2.0
// exec:COMMAND: runs `/bin/sh -c COMMAND` with the event as one JSON line on standard input and its
// main fields in BRINK_* variables; nothing of the event is ever part of the command line.
//
// BRINK_TYPE, _RESOURCE, _DIRECTION, _LEVEL, _LEVEL_AS, _USAGE, _LIMIT ("unlimited" where there is
// none), _PID, _TID, _COMM, _SEQ, _HOST; one that does not apply is not set. The command's output
// goes to brink's standard error. It is the leader of a process group of its own.
#pragma once

#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "action/action.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"

namespace brink::action {

/// What brink changed for itself and gives back to the commands it starts.
struct OriginalState {
    sigset_t signal_mask{};                      ///< empty unless set
    std::vector<std::pair<int, rlimit>> limits;  ///< RLIMIT_…; what is not named is inherited
};

struct ExecOptions {
    std::size_t at_once = 16;
    std::size_t queue = 256;  ///< that wait for one of those to end; more are refused
    std::chrono::milliseconds time_limit{60'000};  ///< then SIGTERM to the process group
    std::chrono::milliseconds grace{5'000};        ///< then SIGKILL
};

/// Belongs to one thread, which must have SIGCHLD neither ignored nor reaped by waitpid(-1): the
/// status of a command that somebody else reaps is unknown. Destroying it leaves what runs running
/// and drops what waits.
class ExecRunner {
  public:
    [[nodiscard]] static Result<std::unique_ptr<ExecRunner>> create(
        OriginalState original, const ExecOptions& options = {});

    /// Starts `command`, or queues it. `handler` gets "done" for exit status 0, else "failed" with
    /// how it ended, or why it was not started. `json`: the event's line, without its end.
    void run(const std::string& command, const Event& event, const std::string& json,
             OutcomeHandler handler);

    /// Readable (epoll, level-triggered) when a command has ended: call on_readable().
    [[nodiscard]] int fd() const { return epoll_.get(); }
    /// Takes what has ended, ends what is late, starts what waits.
    void on_readable();
    /// Milliseconds after which on_readable() wants to be called anyway; -1: never.
    [[nodiscard]] int timeout_ms() const;

    /// Sends SIGTERM to what runs, SIGKILL after the grace, and drops what waits.
    void end_all();

    [[nodiscard]] bool idle() const { return running_.empty() && waiting_.empty(); }

    /// Whether `pid` is a command of ours or in the process group of one: not a stray child of the
    /// watched program (ProcessTreeEnd asks).
    [[nodiscard]] bool owns(pid_t pid) const;

  private:
    using Clock = std::chrono::steady_clock;
    enum class Stage { running, terminated, killed };

    struct Waiting {
        std::string command;
        std::vector<std::string> environment;
        std::string input;
        OutcomeHandler handler;
    };
    struct Running {
        pid_t pid = 0;
        Fd pidfd;
        OutcomeHandler handler;
        Clock::time_point deadline;
        bool told_to_end = false;  // by end_all()
        Stage stage = Stage::running;
    };

    ExecRunner(OriginalState original, const ExecOptions& options);

    void start(Waiting waiting);
    [[nodiscard]] Result<Running> spawn(const Waiting& waiting) const;
    void finish(Running& running);
    void press(Running& running);
    void forget_empty_groups();

    OriginalState original_;
    ExecOptions options_;
    Fd epoll_;
    std::vector<Running> running_;
    std::deque<Waiting> waiting_;
    std::set<pid_t> groups_;  ///< process groups that may have members
};

/// The BRINK_* variables of an event as "NAME=value".
[[nodiscard]] std::vector<std::string> event_environment(const Event& event);

}  // namespace brink::action
