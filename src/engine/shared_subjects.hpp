// SPDX-License-Identifier: Apache-2.0
// SharedSubjects: watches on what is no process. What is there when a watch is set is found from outside and linked;
// what comes later the hooks link themselves (src/bpf/shared.bpf.c).
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/result.hpp"
#include "brink/resource.hpp"
#include "bpf/wire.h"
#include "engine/selection.hpp"
#include "kernel/hooks.hpp"

namespace brink::engine {

class SharedSubjects {
  public:
    /// `hooks` outlives it.
    explicit SharedSubjects(kernel::Hooks& hooks) : hooks_(hooks) {}

    /// Sets watch `number`, which is stored as `watch`, on what `selection` means. REQUIRES: the hooks are attached.
    /// Errors: ENOSPC, the tables are full; what /proc says.
    [[nodiscard]] Result<void> select(std::uint32_t number, const brink_watch& watch,
                                      const Resource& resource, const Selection& selection);

    /// Asks all processes for their limits again, where the lowest of a user's may have risen.
    void gather_limits();

  private:
    struct Bound {
        brink_u32 generation = 0;
        bool fresh = false;  // its first count is pending
    };
    using Tallies = std::map<brink_u32, Bound>;

    [[nodiscard]] Result<void> bind_users(std::uint32_t number);
    [[nodiscard]] Result<void> bind_user_of(std::uint32_t pid, std::uint32_t number,
                                            Tallies& bound);

    kernel::Hooks& hooks_;
    std::vector<std::uint32_t> of_users_;  // watches
};

}  // namespace brink::engine
