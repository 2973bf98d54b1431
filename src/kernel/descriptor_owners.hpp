// SPDX-License-Identifier: Apache-2.0
// DescriptorOwners: one walk over the descriptors of every process, for what can only be found that way: who holds a
// socket, and which inotify instances there are.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "kernel/procfs.hpp"

namespace brink::kernel {

struct InotifyInstance {
    pid_t pid = 0;  ///< a process that holds it
    int fd = -1;
};

class DescriptorOwners {
  public:
    /// Walks now. `sockets`: inodes to find the owners of.
    DescriptorOwners(const Procfs& procfs, const std::unordered_set<std::uint64_t>& sockets);

    /// The process with the smallest pid that holds a socket; 0 if none was found.
    [[nodiscard]] pid_t socket_owner(std::uint64_t inode) const;

    /// Every instance once, however many processes hold it.
    [[nodiscard]] const std::vector<InotifyInstance>& inotify() const { return inotify_; }

    /// Processes whose descriptors may not be read (needs the ptrace read right).
    [[nodiscard]] std::size_t unreadable() const { return unreadable_; }

  private:
    void walk(const Procfs& procfs, pid_t pid, const std::unordered_set<std::uint64_t>& sockets);
    void add_inotify(InotifyInstance instance);

    std::unordered_map<std::uint64_t, pid_t> owners_;
    std::vector<InotifyInstance> inotify_;
    std::size_t unreadable_ = 0;
};

}  // namespace brink::kernel
