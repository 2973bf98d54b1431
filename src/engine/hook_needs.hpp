// SPDX-License-Identifier: Apache-2.0
// Which hooks a watch needs: only those are loaded.
#pragma once

#include "brink/resource.hpp"
#include "kernel/hooks.hpp"

namespace brink::engine {

/// Options that ask for no hook yet.
[[nodiscard]] kernel::HookOptions no_hooks();

/// Adds to `options` what a watch on `resource` needs; `down`: it is to hear of the way down.
void add_needs(kernel::HookOptions& options, const Resource& resource, bool down);

/// Whether `engine` has hooks for `resource`.
[[nodiscard]] bool has_hooks(const Resource& resource, kernel::HookEngine engine);

}  // namespace brink::engine
