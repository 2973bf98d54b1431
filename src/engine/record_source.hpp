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
#include <string_view>

#include "base/result.hpp"
#include "bpf/wire.h"
#include "brink/resource.hpp"
#include "engine/owner.hpp"
#include "engine/selection.hpp"

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

    /// "kernel", "tracepoint" or "poll": the best that is at work.
    [[nodiscard]] virtual std::string_view engine() const = 0;
    /// The one that is at work for `watch`.
    [[nodiscard]] virtual std::string_view engine(std::uint32_t /*watch*/) const {
        return engine();
    }

    /// From now on `owner` (1..; set anew when it has another meaning) stands for those, in add_watch() and bind().
    /// Before that every watch that names it must be gone.
    [[nodiscard]] virtual Result<void> set_owner(std::uint32_t owner, const Owner& who) = 0;
    /// Likewise for accounts.
    [[nodiscard]] virtual Result<void> set_account(std::uint32_t account, const Account& bounds) = 0;

    /// Registers the levels of a watch on `resource`, with its owner and account (0: none); the answer is its number, to
    /// be used in bind(). Numbers count from 0; those of removed watches are used again.
    [[nodiscard]] virtual Result<std::uint32_t> add_watch(const Resource& resource,
                                                          const brink_watch& watch) = 0;

    /// Sets watch `watch` on `target`. On return the watch is in force (with `at_exec`: will be at
    /// the next execve of the target) and `initial` records are queued.
    [[nodiscard]] virtual Result<void> bind(std::uint32_t watch, const Target& target) = 0;

    /// Sets watch `watch` on whatever `selection` means of the scope of its resource: what is there now (`initial`
    /// records are queued on return), and what comes to match later, from its first instruction. What matches no longer
    /// is let go of, with an EXIT record. Errors: EOPNOTSUPP, this source cannot do it for this watch.
    /// REQUIRES: selects(selection.by, scope of the resource).
    [[nodiscard]] virtual Result<void> select(std::uint32_t watch, const Selection& selection);

    /// Ends these watches on everything. No record of them is handed over any more.
    virtual void remove_watches(std::span<const std::uint32_t> watches) = 0;

    /// Has a RESYNC record written for tally `tally`, if it still is of this generation: whether it is.
    [[nodiscard]] virtual bool resync(std::uint32_t tally, std::uint32_t generation) = 0;

    /// Tells that `pid`, bound with `at_exec`, has executed. A source that sees that by itself does nothing.
    virtual void executed(pid_t /*pid*/) {}

    /// Holds every count against the kernel's own, and corrects those that differ (BRINK_RECORD_RESYNC): how many did.
    /// nullopt: there are no counts, every look asks the kernel.
    [[nodiscard]] virtual std::optional<std::size_t> check_all() { return std::nullopt; }

    /// Readable (epoll, level-triggered) when read() has something to do.
    [[nodiscard]] virtual int fd() const = 0;

    /// Hands over every record that waits, those of one tally in the order of their numbers.
    virtual void read(const Reader& reader) = 0;

    /// Milliseconds after which read() wants to be called even if fd() is not readable; -1: never.
    [[nodiscard]] virtual int timeout_ms() const = 0;

    /// Records dropped so far, all tallies together.
    [[nodiscard]] virtual std::uint64_t dropped() const = 0;

    /// Children so far that could not be watched because the tables are full.
    [[nodiscard]] virtual std::uint64_t unwatched() const = 0;
};

}  // namespace brink::engine
