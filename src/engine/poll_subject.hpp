// SPDX-License-Identifier: Apache-2.0
// PollSubject: one process or thread under the poll engine: who it is, the tallies of its watches,
// and when to look at it next. Its records go to a queue of the engine's.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "engine/owner.hpp"
#include "engine/poll_interval.hpp"
#include "engine/poll_tally.hpp"
#include "engine/tally_slots.hpp"
#include "kernel/cpu_timer.hpp"
#include "kernel/process_identity.hpp"
#include "kernel/procfs.hpp"
#include "resource/table.hpp"

namespace brink::engine {

/// A watch, and the resource that it is on.
struct PollWatch {
    const resource::Definition* definition = nullptr;
    brink_watch levels{};
    const Owner* owner = nullptr;  ///< null: whoever runs brink
};

class PollSubject {
  public:
    using Duration = PollInterval::Duration;
    using Queue = std::deque<brink_record>;

    enum class Start { now, at_exec };
    enum class Origin { named, inherited };
    enum class State { alive, ended, forbidden };

    /// `procfs` and `queue` must outlive the subject.
    PollSubject(const kernel::Procfs& procfs, Queue& queue, kernel::ProcessIdentity who,
                bool thread, PollInterval interval);

    [[nodiscard]] const kernel::ProcessIdentity& who() const { return who_; }
    [[nodiscard]] std::size_t n_watches() const { return bound_.size(); }

    /// Whether the owner of `watch` may watch it now. The error: EPERM, or it has ended.
    [[nodiscard]] Result<void> permits(const PollWatch& watch) const;

    /// Adds a tally for `watch`, which must outlive the subject and has number `number`.
    void add(const PollWatch& watch, std::uint32_t number, TallySlot slot, Origin origin,
             Start start);
    /// Watch `number` is looked at when `timer` fires, and not at intervals: the resource is CPU time.
    void use_timer(std::uint32_t number, kernel::CpuTimer timer);
    [[nodiscard]] bool has(std::uint32_t number) const;
    /// Whether it has watch `number` already; if so the user has now named it.
    bool rename(std::uint32_t number);
    /// Those that waited for the execve are in force from now on.
    void executed();

    /// Whether any watch is in force: else there is nothing to look at.
    [[nodiscard]] bool in_force() const;
    /// When to look next, CLOCK_MONOTONIC.
    [[nodiscard]] Duration due() const;
    /// Looks, and queues what follows. Unless the answer is `alive`: call end().
    [[nodiscard]] State look(Duration now);
    /// After a look: ends the watches whose owners may watch it no longer. Their slots.
    [[nodiscard]] std::vector<std::uint32_t> end_forbidden();
    /// Takes out, and says nothing of, the watches with numbers that are `gone`. Their slots.
    [[nodiscard]] std::vector<std::uint32_t> remove(const std::function<bool(std::uint32_t)>& gone);
    /// Says where tally `slot` stands, if it is one of this subject's: whether it is.
    [[nodiscard]] bool resync(TallySlot slot);
    /// The last records, as in PollTally::end().
    void end(brink_exit_reason reason);
    /// Ends watch `number` alone, which the subject is selected for no longer; the slot that it had.
    std::optional<std::uint32_t> leave(std::uint32_t number);

    /// Numbers of the watches that a child born at `born` (clock ticks since boot) gets.
    [[nodiscard]] std::vector<std::uint32_t> inheritance(std::uint64_t born) const;
    /// Whether a child born now gets any.
    [[nodiscard]] bool has_inheritance() const;
    /// Of all its tallies.
    [[nodiscard]] std::vector<std::uint32_t> slots() const;

  private:
    struct Bound {
        const resource::Definition* definition;
        std::optional<kernel::CpuTimer> timer{};
        PollTally tally;
        PollInterval interval;
        Duration due{0};
        std::uint32_t number;
        TallySlot slot;
        bool named;
        bool in_force;
        bool begun;
        Start start;
        std::uint64_t since;  ///< clock ticks since boot: children born before are left out
        const Owner* owner;
        std::uint64_t capabilities;  ///< permitted as the watch was set: no more may come
    };

    [[nodiscard]] bool is_forbidden(const Bound& bound) const;
    [[nodiscard]] std::vector<Bound>::iterator find(std::uint32_t number);
    void end(Bound& bound, brink_exit_reason reason);
    void apply(Bound& bound, const Result<resource::Reading>& reading, Duration now);
    [[nodiscard]] Duration next_look(Bound& bound, const resource::Reading& reading, Duration now);
    static void set_timer(const Bound& bound, std::uint64_t usage);
    void queue(const Bound& bound, const brink_record& from);
    void refresh_names();

    const kernel::Procfs* procfs_;
    Queue* queue_;
    kernel::ProcessIdentity who_;
    bool thread_;
    PollInterval interval_;  ///< a fresh one, from which each watch's is copied
    std::vector<Bound> bound_;
    kernel::ProcessStat stat_;  ///< as last seen
    uid_t uid_ = 0;
    std::optional<kernel::ProcessStatus> status_;  ///< of the last look, if a watch has an owner
};

}  // namespace brink::engine
