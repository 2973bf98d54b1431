// SPDX-License-Identifier: Apache-2.0
#include "action/raise.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "action/spared.hpp"

namespace brink::action {

ActionOutcome raise_limit(const kernel::Procfs& procfs, const RaiseRequest& request) {
    const auto held = take_hold(procfs, request.pid, request.start_time);
    if (!held) return {held.error().code == EPERM ? "refused" : "failed", held.error().message, {}};
    const auto which = static_cast<__rlimit_resource>(request.rlimit.number);
    rlimit before{};
    if (::prlimit(request.pid, which, nullptr, &before) != 0)
        return failed(fmt::format("prlimit: {}", std::strerror(errno)));
    const rlim_t ceiling = std::min<rlim_t>(request.ceiling / request.rlimit.unit, before.rlim_max);
    rlimit after = before;
    after.rlim_cur = std::min<rlim_t>(std::max<rlim_t>(2 * before.rlim_cur, 1), ceiling);
    if (before.rlim_cur == RLIM_INFINITY || after.rlim_cur <= before.rlim_cur)
        return {"refused",
                fmt::format("the soft limit is {}, and may be raised to {} at most",
                            before.rlim_cur, ceiling),
                {}};
    if (::prlimit(request.pid, which, &after, nullptr) != 0)
        return failed(fmt::format("prlimit: {}", std::strerror(errno)));
    return {"done",
            fmt::format("the soft limit is {}, was {}", after.rlim_cur, before.rlim_cur),
            {}};
}

}  // namespace brink::action
