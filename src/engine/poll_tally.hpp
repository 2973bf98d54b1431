// SPDX-License-Identifier: Apache-2.0
// PollTally: where one watch stands on one subject, and the records that follow from readings of
// usage and limit. Pure logic on src/bpf/levels.h, the same arithmetic as in the kernel's hooks;
// knows nothing of processes or clocks. Belongs to one thread.
#pragma once

#include <cstdint>
#include <functional>

#include "bpf/wire.h"
#include "resource/table.hpp"

namespace brink::engine {

class PollTally {
  public:
    /// Gets records with type, cause, direction flag, number, level, usage and limits filled in;
    /// the rest is the subject's.
    using Emit = std::function<void(brink_record&)>;

    /// `watch` must outlive the tally.
    explicit PollTally(const brink_watch& watch) : watch_(&watch) {}

    /// The first reading: one INITIAL for each level at or below the usage, ascending. With
    /// `armed` an ARMED after them.
    void begin(const resource::Reading& reading, bool armed, const Emit& emit);

    /// A later reading. If the soft limit changed: LIMIT, then a CROSSING with cause LIMIT for each
    /// level whose side that changed (ups ascending, downs descending), judged by the usage known
    /// before. Then the crossings of the new usage. Directions that the watch does not want are
    /// passed in silence.
    void update(const resource::Reading& reading, const Emit& emit);

    /// The subject is gone: downs, highest first, with cause EXIT and usage 0; then EXIT if
    /// `named` or if anything was reported before. Where the subject lives on and is watched no
    /// longer (`reason`): no downs, and EXIT with the reason in errno_value.
    void end(bool named, brink_exit_reason reason, const Emit& emit);

    /// Says where it stands: RESYNC.
    void resync(const Emit& emit);

    /// Units from `usage` to the nearest threshold that would give a record; ~0 if there is none.
    [[nodiscard]] std::uint64_t distance(std::uint64_t usage) const;

    /// The lowest threshold that is not passed; BRINK_NEVER if there is none.
    [[nodiscard]] std::uint64_t next_up() const;

    /// The usage at which `level` stands under the limit of the last reading; BRINK_NEVER, it cannot be reached.
    [[nodiscard]] std::uint64_t level_at(const brink_level& level) const;

    /// Whether any level, or the one of rearm, is relative to the limit.
    [[nodiscard]] bool follows_limit() const;

    [[nodiscard]] bool inherits() const { return (watch_->flags & BRINK_WATCH_INHERIT) != 0; }
    [[nodiscard]] const brink_watch& watch() const { return *watch_; }

  private:
    void change_limit(const resource::Reading& reading, const Emit& emit);
    void move_to(std::uint32_t position, brink_cause cause, const Emit& emit);
    void cross(const brink_bounds& bounds, std::uint32_t rank, bool up, brink_cause cause,
               const Emit& emit);
    void say(brink_record& record, const Emit& emit);
    [[nodiscard]] brink_record blank(brink_record_type type) const;

    const brink_watch* watch_;
    brink_bounds bounds_{};
    resource::Reading now_;
    std::uint32_t position_ = 0;  ///< levels passed: ranks 1..position_ of bounds_
    std::uint16_t next_number_ = 0;
    bool reported_ = false;
};

}  // namespace brink::engine
