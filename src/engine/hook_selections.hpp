// SPDX-License-Identifier: Apache-2.0
// HookSelections: selections in the form in which the hooks (src/bpf/selection.bpf.c) match them, and the look at all
// processes that there are when one comes into force.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
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

    /// The bit that stands for `watch` among those that are set by selection. Errors: ENOSPC, all are in use.
    [[nodiscard]] Result<std::uint32_t> bit_for(std::uint32_t watch);

    /// From now on whoever comes to match `selection` is watched by the watch of `bit`. Errors: ENOSPC, there are too
    /// many selections, or their paths have too many parts; EOPNOTSUPP, paths of cgroups cannot be told here.
    [[nodiscard]] Result<void> add(std::uint32_t bit, const Selection& selection);

    /// Nobody comes to be watched by `watch` any more. Does nothing if it was not set by selection.
    void remove(std::uint32_t watch);

    /// Holds every process that there is against the selections. What was linked is to be settled (FirstCounts).
    /// Does nothing without a selection.
    void look_at_all();

  private:
    struct Known {
        Selection selection;
        brink_selector selector;  // of no watches: free
    };
    [[nodiscard]] Result<std::uint32_t> place_for(const Selection& selection);
    [[nodiscard]] std::optional<std::uint32_t> room_for_names(std::size_t count) const;
    [[nodiscard]] Result<void> add_names(const std::vector<std::string_view>& names,
                                         brink_selector& selector);

    kernel::Hooks* hooks_;
    std::vector<Known> known_;
    std::array<std::optional<std::uint32_t>, BRINK_MAX_SELECTED> watches_;  // by bit
};

}  // namespace brink::engine
