// SPDX-License-Identifier: Apache-2.0
// Dormant levels: those that cannot be reached under the limit in force, and wake when a changed limit allows it.
#pragma once

#include <cstdint>
#include <string>

#include "bpf/wire.h"
#include "resource/table.hpp"

namespace brink::engine {

/// One line about the levels of `watch` on `resource` that are dormant for `subject` under `limit`; empty if none is.
[[nodiscard]] std::string dormant_remark(const Resource& resource, const resource::Subject& subject,
                                         const brink_watch& watch, std::uint64_t limit);

}  // namespace brink::engine
