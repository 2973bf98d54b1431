// SPDX-License-Identifier: Apache-2.0
// epoll(7) as the sources of records need it: one descriptor that is readable when one of several is.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace brink {

/// `data` comes back with the event. Errors: those of epoll_ctl(2).
[[nodiscard]] inline Result<void> add_to_epoll(const Fd& epoll, int fd, std::uint64_t data = 0) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = data;
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0) return fail_errno("epoll_ctl");
    return {};
}

/// Close-on-exec, over `fds`. Errors: those of epoll_create1(2) and epoll_ctl(2).
[[nodiscard]] inline Result<Fd> epoll_of(const std::vector<int>& fds) {
    Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) return fail_errno("epoll_create1");
    for (const int fd : fds)
        if (auto added = add_to_epoll(epoll, fd); !added) return tl::unexpected(added.error());
    return epoll;
}

}  // namespace brink
