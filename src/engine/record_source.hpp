// SPDX-License-Identifier: Apache-2.0
// RecordSource: where records come from. The hooks in the kernel (HookSource, engines `kernel` and
// `tracepoint`) and the poll engine (PollSource) speak the same records, so that everything above
// this line is written once.
//
// A source belongs to one thread. Destroying it ends every watch and detaches every hook.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "bpf/wire.h"
#include "brink/event.hpp"
#include "brink/resource.hpp"
#include "engine/owner.hpp"
#include "engine/selection.hpp"
#include "resource/table.hpp"

namespace brink::engine {

/// Whom a watch is set on.
struct Target {
    pid_t pid = 0;         ///< in the caller's pid namespace; a tid where `thread`
    bool thread = false;   ///< one thread, not the process it belongs to
    bool at_exec = false;  ///< in force from the moment the process executes, not now
};

class RecordSource {
  public:
    /// `stack` is null unless the record has BRINK_RECORD_HAS_STACK; both live for the call only.
    using Reader = std::function<void(const brink_record&, const brink_stack_record* stack)>;

    RecordSource() = default;
    RecordSource(const RecordSource&) = delete;
    RecordSource& operator=(const RecordSource&) = delete;
    virtual ~RecordSource() = default;

    /// "kernel", "tracepoint", "timer", "notify" or "poll": the best that is at work.
    [[nodiscard]] virtual std::string_view engine() const = 0;
    /// The one that a record of tally `tally` comes from.
    [[nodiscard]] virtual std::string_view engine_of(std::uint32_t /*tally*/) const {
        return engine();
    }

    /// From now on `owner` (1..; set anew when it has another meaning) stands for those, in add_watch() and bind().
    /// Before that every watch that names it must be gone. EOPNOTSUPP: this source serves only whoever runs it.
    [[nodiscard]] virtual Result<void> set_owner(std::uint32_t owner, const Owner& who);
    /// Likewise for accounts.
    [[nodiscard]] virtual Result<void> set_account(std::uint32_t account, const Account& bounds);

    /// Registers the levels of a watch on `resource`, with its owner and account (0: none); the answer is its number, to
    /// be used in bind(). Numbers count from 0; those of removed watches are used again. `watch` is copied.
    [[nodiscard]] virtual Result<std::uint32_t> add_watch(const Resource& resource,
                                                          const brink_watch& watch) = 0;

    /// Sets watch `watch` on `target`. On return the watch is in force (with `at_exec`: will be at
    /// the next execve of the target) and `initial` records are queued.
    [[nodiscard]] virtual Result<void> bind(std::uint32_t watch, const Target& target) = 0;

    /// Ends these watches on everything. No record of them is handed over any more.
    /// REQUIRES: a source that has owners.
    virtual void remove_watches(std::span<const std::uint32_t> /*watches*/) {}

    /// Has a RESYNC record written for tally `tally`, if it still is of this generation: whether it is.
    [[nodiscard]] virtual bool resync(std::uint32_t /*tally*/, std::uint32_t /*generation*/) {
        return false;
    }

    /// Sets watch `watch` on whatever `selection` means of the scope of its resource: what is there now (`initial`
    /// records are queued on return), and what comes to match later, from its first instruction. What matches no longer
    /// is let go of, with an EXIT record (BRINK_EXIT_UNSELECTED) if anything was said of it. Children are watched where
    /// they match. Errors: EOPNOTSUPP, this source cannot do it for this watch.
    /// REQUIRES: selects(selection.by, resource).
    [[nodiscard]] virtual Result<void> select(std::uint32_t watch, const Selection& selection);

    /// What is to be said of what was selected, each once: that there is nothing now, or what cannot be seen of it.
    [[nodiscard]] virtual std::vector<std::string> take_remarks() { return {}; }

    /// Whom `watch` was set on by select(), as it is now.
    struct Selected {
        std::vector<std::uint64_t> limits;  ///< of each subject; ~0: unlimited
        std::size_t forbidden = 0;          ///< match, and may not be watched by the caller
    };
    [[nodiscard]] virtual Selected selected(std::uint32_t /*watch*/) const { return {}; }

    /// Tells that `pid`, bound with `at_exec`, has executed. A source that sees that by itself does nothing.
    virtual void executed(pid_t /*pid*/) {}

    /// Holds every count against the kernel's own, and corrects those that differ (BRINK_RECORD_RESYNC): how many did.
    /// nullopt: there are no counts, every look asks the kernel.
    [[nodiscard]] virtual std::optional<std::size_t> check_all() { return std::nullopt; }

    /// Whose tally `tally` is, for records of subjects that are no process; they do not fit into a record. nullptr: the
    /// record says it all, its subject is a process or thread. Valid for the call of a Reader with a record of that
    /// tally. In such a record pid, tid, comm and uid are those of who acted, 0 and empty where that is not known.
    [[nodiscard]] virtual const resource::Subject* subject_of(std::uint32_t /*tally*/) const {
        return nullptr;
    }

    /// What had the processor instead, for records that it belongs to; nullptr: the record is of no such thing. Valid as
    /// subject_of() is.
    [[nodiscard]] virtual const Culprit* culprit() const { return nullptr; }

    /// Readable (epoll, level-triggered) when read() has something to do.
    [[nodiscard]] virtual int fd() const = 0;

    /// Hands over every record that waits, those of one tally in the order of their numbers.
    virtual void read(const Reader& reader) = 0;

    /// Waits until read() has all that happened before. A source that looks into the kernel itself has it anyway.
    virtual void catch_up() {}

    /// Why nothing more will come, once that is so; empty until then.
    [[nodiscard]] virtual std::string failure() const { return {}; }

    /// Milliseconds after which read() wants to be called even if fd() is not readable; -1: never.
    [[nodiscard]] virtual int timeout_ms() const = 0;

    /// Records dropped so far, all tallies together.
    [[nodiscard]] virtual std::uint64_t dropped() const = 0;
    /// Those among them that were of watches of this account, since it was set.
    [[nodiscard]] virtual std::uint64_t dropped_of(std::uint32_t /*account*/) const { return 0; }

    /// Processes so far that could not be watched because the tables are full.
    [[nodiscard]] virtual std::uint64_t unwatched() const = 0;
};

/// For the sources in user space, where `n_watches` are there already. Errors: ENOSPC, BRINK_MAX_WATCHES are in use;
/// EINVAL, n_levels is out of range.
[[nodiscard]] Result<void> check_watch(const brink_watch& watch, std::size_t n_watches);

}  // namespace brink::engine
