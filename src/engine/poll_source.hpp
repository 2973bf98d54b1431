// SPDX-License-Identifier: Apache-2.0
// PollSource: the engine of last resort. It reads usage and limit of each watched process from
// /proc at an interval that follows from how near and how fast the usage is (poll_interval.hpp),
// and says what the kernel's hooks would have said (poll_tally.hpp). It needs no privileges for
// the caller's own processes.
//
// What it cannot do: an excursion between two looks is missed, so is a child that is born and gone
// between two scans or whose parent is; a level may be reported after the limit was reached; it
// never reports `denied`; nobody is known to have acted (tid 0). It takes at most 5 % of one CPU,
// by looking less often when there is much to look at.
//
// In its records pid and ns_pid are both the number in the caller's pid namespace, cgroup_id is 0,
// start_time_ns is a multiple of the clock tick. An EXIT with BRINK_EXIT_FORBIDDEN: the subject
// lives on but may be watched no longer (it executed a set-uid program).
//
// Selections are matched at every look for children: who comes and goes between two of them is missed, and who comes to
// match is watched from the next one on.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "base/timer_fd.hpp"
#include "engine/poll_interval.hpp"
#include "engine/poll_subject.hpp"
#include "engine/record_source.hpp"
#include "kernel/process_identity.hpp"
#include "kernel/procfs.hpp"

namespace brink::engine {

inline constexpr std::size_t kPollMaxSubjects = 32768;

class PollSource final : public RecordSource {
  public:
    [[nodiscard]] static Result<std::unique_ptr<PollSource>> create(
        const PollOptions& options = {}, kernel::Procfs procfs = kernel::Procfs{});

    /// The engine `timer`, for resources with Facility::cpu_timer: nothing is looked at before a timer on the CPU clock
    /// of the process fires. Children are found by looking all the same. Of a thread there is no such clock: polled.
    [[nodiscard]] static Result<std::unique_ptr<PollSource>> with_timers(
        const PollOptions& options = {}, kernel::Procfs procfs = kernel::Procfs{});

    [[nodiscard]] std::string_view engine() const override { return timers_ ? "timer" : "poll"; }
    [[nodiscard]] std::string_view engine_of(std::uint32_t tally) const override;

    [[nodiscard]] Result<void> set_owner(std::uint32_t owner, const Owner& who) override;
    /// The engine writes no records ahead of their reader, and has room for 32768 processes: accounts bound nothing.
    [[nodiscard]] Result<void> set_account(std::uint32_t, const Account&) override { return {}; }

    /// REQUIRES: `resource` is one of a process that can be read. Errors: ENOSPC, BRINK_MAX_WATCHES are in use; EINVAL,
    /// n_levels is out of range.
    [[nodiscard]] Result<std::uint32_t> add_watch(const Resource& resource,
                                                  const brink_watch& watch) override;

    /// Errors: ESRCH, no such process; EPERM, the owner may not watch it; EINVAL, a thread where a process was
    /// meant, or an unknown watch; ENOSPC, BRINK_MAX_PER_SUBJECT or all subjects are in use.
    /// A subject that has the watch already (inherited) becomes a named one.
    [[nodiscard]] Result<void> bind(std::uint32_t watch, const Target& target) override;

    /// Processes that the caller may not watch are left out and counted. REQUIRES: `watch` is one of processes.
    [[nodiscard]] Result<void> select(std::uint32_t watch, const Selection& selection) override;
    [[nodiscard]] Selected selected(std::uint32_t watch) const override;

    /// Its watches come into force now. The caller knows from the close-on-exec end of the pipe that
    /// the child held before its execve.
    void executed(pid_t pid) override;

    void remove_watches(std::span<const std::uint32_t> watches) override;
    [[nodiscard]] bool resync(std::uint32_t tally, std::uint32_t generation) override;

    [[nodiscard]] int fd() const override { return epoll_.get(); }
    void read(const Reader& reader) override;
    [[nodiscard]] int timeout_ms() const override { return -1; }
    [[nodiscard]] std::uint64_t dropped() const override { return 0; }
    [[nodiscard]] std::uint64_t dropped_of(std::uint32_t) const override { return 0; }

    /// Processes that could not be watched because all subjects were in use.
    [[nodiscard]] std::uint64_t unwatched() const override { return unwatched_; }

    /// Subjects watched now, those waiting for their execve included.
    [[nodiscard]] std::size_t subjects() const { return subjects_.size(); }

  private:
    using Duration = PollInterval::Duration;
    using Key = std::pair<pid_t, bool>;  ///< number, and whether it is a thread

    PollSource(const PollOptions& options, TimerFd timer, kernel::Procfs procfs);

    Result<PollSubject*> subject_for(const Target& target);
    PollSubject& insert(kernel::ProcessIdentity who, bool thread);
    void add(PollSubject& subject, bool thread, std::uint32_t watch, PollSubject::Origin origin,
             PollSubject::Start start);
    void look(PollSubject& subject, Key key, Duration at);
    void finish(Key key, brink_exit_reason reason);
    void forget_if_unwatched(Key key);
    void take_exits();
    void look_at_due(Duration at);
    void look_at_fired(Duration at);
    void discover();
    bool adopt(const PollSubject& parent, pid_t child);
    bool take_in(kernel::ProcessIdentity who, const std::vector<std::uint32_t>& watches);
    void give(PollSubject& subject, Key key, const std::vector<std::uint32_t>& watches);
    bool discover_selected();
    bool reconcile(pid_t pid);
    void let_go(Key key, const std::vector<std::uint32_t>& watches);
    void set_timer();

    kernel::Procfs procfs_;
    PollInterval interval_;  ///< a fresh one, from which each subject's is copied
    std::unique_ptr<kernel::CpuTimers> timers_;  ///< engine `timer`; outlives the subjects
    std::vector<bool> timed_;                    ///< by slot: has a timer
    Fd epoll_;
    TimerFd timer_;
    struct Selecting {
        Selection selection;
        std::vector<std::uint32_t> watches;
    };
    std::vector<Selecting> selecting_;
    std::size_t forbidden_ =
        0;  ///< at the last look: selected, and not to be watched by the caller
    std::deque<PollWatch> watches_;  ///< subjects point into it
    std::vector<std::uint32_t> free_watches_;
    std::map<std::uint32_t, Owner> owners_;  ///< watches point into it
    PollSubject::Queue queue_;               ///< likewise subjects
    std::map<Key, PollSubject> subjects_;
    TallySlots slots_;
    Duration discover_due_{0};
    Duration discover_interval_;
    Duration rest_until_{0};
    std::uint64_t unwatched_ = 0;
};

}  // namespace brink::engine
