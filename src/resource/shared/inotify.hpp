// SPDX-License-Identifier: Apache-2.0
// What the two resources of inotify(7) share: instances are found among the descriptors of all processes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "resource/table.hpp"

namespace brink::resource {

/// With the task iterator: takes `counted` of every user. Else: adds up `count` over the instances of each user, and takes that against the number in the file `limit` below /proc.
/// Who made an instance is not shown: it is counted for the effective user of a process that holds it.
[[nodiscard]] Result<std::string> take_inotify(
    kernel::Machine& machine, std::string_view limit, std::uint64_t kernel::UserCounts::*counted,
    const std::function<Result<std::uint64_t>(const kernel::InotifyInstance&)>& count,
    const Take& take);

}  // namespace brink::resource
