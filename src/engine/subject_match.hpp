// SPDX-License-Identifier: Apache-2.0
// Which subjects a selection means, where these are no process.
#pragma once

#include <string_view>

#include "engine/selection.hpp"
#include "kernel/procfs.hpp"
#include "resource/table.hpp"

namespace brink::engine {

enum class Match {
    no,
    yes,
    named,  ///< it is the very subject that the user named, not one below it
};

/// Of cgroup `path` ("/system.slice/web.service"): that of the unit, the container or the path, or one below.
[[nodiscard]] Match match_cgroup(const Selection& selection, std::string_view path);

/// Of a subject of `resource`, which is not one of processes. A socket is matched by the process that owns it, where that
/// is known.
[[nodiscard]] Match match(const Selection& selection, const Resource& resource,
                          const resource::Subject& subject, const kernel::Procfs& procfs);

}  // namespace brink::engine
