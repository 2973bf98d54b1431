// SPDX-License-Identifier: Apache-2.0
// FirstCounts: settles tallies of processes that run already. Each sample of a table that others may be changing is at
// most the truth, and is the truth whenever no operation is half way through (docs/adr/0001-counting.md): the largest
// of several, taken over a time in which every such operation has ended, is exact; so is one that was taken while the
// only task that has the table slept. Many tallies are sampled in turns,
// so that the time between two samples is shared by all.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "bpf/wire.h"
#include "kernel/hooks.hpp"

namespace brink::engine {

class FirstCounts {
  public:
    /// `hooks` must outlive it.
    explicit FirstCounts(kernel::Hooks& hooks) : hooks_(&hooks) {}

    /// Another tally whose first count is pending.
    void add(std::uint32_t tally);
    /// Every one that is, as far as the hooks left it for the reader.
    void add_pending();

    /// Samples and settles them; `initial` records are queued on return. The answer: how many could not be, as their
    /// tables change faster than they can be read; these are watched no longer.
    [[nodiscard]] Result<std::size_t> settle();

  private:
    struct First {
        brink_command about;
        std::optional<int> most;
        int samples;
    };
    bool sample(First& first);
    [[nodiscard]] Result<bool> commit(const First& first);

    kernel::Hooks* hooks_;
    std::vector<First> pending_;
};

/// Long enough for an operation under way to end.
void pause_between_samples(const kernel::Hooks& hooks);

}  // namespace brink::engine
