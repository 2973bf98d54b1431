// SPDX-License-Identifier: Apache-2.0
// HookSelections: selections in the form in which the hooks (src/bpf/selection.bpf.c) match them, and the look at all
// processes that there are when one comes into force.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "engine/selection.hpp"
#include "kernel/hooks.hpp"

namespace brink::engine {

class HookSelections {
  public:
    /// `hooks` must outlive it.
    explicit HookSelections(kernel::Hooks& hooks) : hooks_(&hooks) {}

    /// From now on whoever comes to match `selection` is watched by `watch`. Errors: ENOSPC, there are too many
    /// selections, or their paths have too many parts; EOPNOTSUPP, paths of cgroups cannot be told here.
    [[nodiscard]] Result<void> add(std::uint32_t watch, const Selection& selection);

    /// Holds every process that there is against the selections. What was linked is to be settled (FirstCounts).
    /// Does nothing without a selection.
    void look_at_all();

  private:
    [[nodiscard]] Result<void> add_names(const std::vector<std::string_view>& names,
                                         brink_selector& selector);

    struct Known {
        Selection selection;
        brink_selector selector;
    };
    kernel::Hooks* hooks_;
    std::vector<Known> known_;
    std::uint32_t n_names_ = 0;
    std::uint64_t watches_ = 0;
};

}  // namespace brink::engine
