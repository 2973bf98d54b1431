// SPDX-License-Identifier: Apache-2.0
// Mounts: what is mounted where, /proc/PID/mountinfo (proc_pid_mountinfo(5)).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace brink::kernel {

struct Mount {
    std::uint64_t id = 0;  ///< as STATX_MNT_ID of statx(2)
    std::string device;    ///< "259:1": major and minor of the superblock
    std::string root;      ///< what of the file system is mounted: "/" but for bind mounts
    std::string point;     ///< where
    std::string type;      ///< "ext4"
    std::string source;    ///< "/dev/sda1"
    std::string options;   ///< of the superblock: "rw,memory"

    /// Whether `option` is one of `options`.
    [[nodiscard]] bool has_option(std::string_view option) const;
};

/// Every mount of the mount namespace of the reader, in the order of the file. `proc`: where procfs is.
[[nodiscard]] Result<std::vector<Mount>> read_mounts(const std::string& proc);

}  // namespace brink::kernel
