// SPDX-License-Identifier: Apache-2.0
// What one descriptor is, told from the target of its link in /proc/PID/fd (proc_pid_fd(5)) and,
// for paths, from the type of the file behind it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace brink::kernel {

struct DescriptorName {
    std::string kind;    ///< "file", "socket", "pipe", "eventfd", …
    std::string narrow;  ///< the target: a path, "[inode]", …
    std::string wide;    ///< what it is counted under where there are too many: "/tmp/*", ""
};

/// `mode` is st_mode of what the link leads to, nullopt if that could not be told; it matters only
/// where `link` is a path.
[[nodiscard]] DescriptorName name_descriptor(std::string_view link, std::optional<mode_t> mode);

/// The inode of "socket:[123]"; nullopt for everything else.
[[nodiscard]] std::optional<std::uint64_t> socket_inode(std::string_view link);

}  // namespace brink::kernel
