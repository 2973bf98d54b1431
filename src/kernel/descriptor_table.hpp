// SPDX-License-Identifier: Apache-2.0
// Evidence: which kinds of descriptor, with which targets, make up a process's count.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>

#include "brink/event.hpp"
#include "kernel/procfs.hpp"

namespace brink::kernel {

struct DescribeBounds {
    std::size_t items = 20;     ///< lines of the breakdown; the rest is in Evidence::omitted
    std::size_t links = 65536;  ///< descriptors looked at; the rest is counted, not named
    std::chrono::milliseconds time{1000};  ///< likewise
};

/// What the descriptors of `pid` (or of a thread) are, largest group first, ties by kind and
/// target. Descriptors with the same kind and target make one item. Where that gives more items
/// than fit, the small ones are put together: files by their directory ("/tmp/*"), connections by
/// what they have in common; pipes, unnamed sockets and the like are put together anyway, unless
/// one of them has a large part of all.
///
/// Never fails: what could not be looked at, and why, is in `unavailable` (another user's process,
/// gone, more than the bounds allow). `total` is what items and `omitted` add up to. The table may
/// change meanwhile, so that `total` need not be the usage of the event. Does not open what the
/// descriptors refer to and does not ask file servers (AT_STATX_DONT_SYNC).
[[nodiscard]] Evidence describe_descriptors(const Procfs& procfs, pid_t pid,
                                            const DescribeBounds& bounds = {});

}  // namespace brink::kernel
