// SPDX-License-Identifier: Apache-2.0
// From the number of a cgroup, which the hooks know, to its path. The number is what name_to_handle_at(2) gives for its
// directory; it is never used again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "kernel/mounts.hpp"

namespace brink::kernel {

class CgroupIds {
  public:
    /// Of every hierarchy in `mounts`.
    explicit CgroupIds(const std::vector<Mount>& mounts);

    /// "/system.slice/x.service", as /proc/PID/cgroup has it; "" if the cgroup is gone, or handles may not be opened
    /// (CAP_DAC_READ_SEARCH).
    [[nodiscard]] std::string path(std::uint64_t id) const;

  private:
    struct Hierarchy {
        Fd directory;
        std::string point;  // where it is mounted
        std::string root;   // path of the cgroup that is mounted there; "" for the first
    };

    std::vector<Hierarchy> hierarchies_;
};

}  // namespace brink::kernel
