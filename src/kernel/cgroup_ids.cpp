// SPDX-License-Identifier: Apache-2.0
#include "kernel/cgroup_ids.hpp"

#include <fcntl.h>

#include <cstring>

#include "kernel/file_text.hpp"

namespace brink::kernel {
namespace {

constexpr int kKernfsHandle = 0xfe;  // FILEID_KERNFS, include/linux/exportfs.h

Fd open_handle(const Fd& mount, std::uint64_t id) {
    alignas(file_handle) char bytes[sizeof(file_handle) + sizeof id];
    auto* const handle = reinterpret_cast<file_handle*>(bytes);
    handle->handle_bytes = sizeof id;
    handle->handle_type = kKernfsHandle;
    std::memcpy(handle->f_handle, &id, sizeof id);
    return Fd(::open_by_handle_at(mount.get(), handle, O_PATH | O_CLOEXEC));
}

}  // namespace

CgroupIds::CgroupIds(const std::vector<Mount>& mounts) {
    for (const Mount& mount : mounts) {
        if (mount.type != "cgroup2" && mount.type != "cgroup") continue;
        Fd directory(::open(mount.point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (directory)
            hierarchies_.push_back(
                {std::move(directory), mount.point, mount.root == "/" ? "" : mount.root});
    }
}

// Hierarchies of v1 number their cgroups each for itself: the first that has the number is taken, which is that of v2
// where there is one.
std::string CgroupIds::path(std::uint64_t id) const {
    for (const Hierarchy& hierarchy : hierarchies_) {
        const Fd cgroup = open_handle(hierarchy.directory, id);
        if (!cgroup) continue;
        const auto link = read_link(AT_FDCWD, "/proc/self/fd/" + std::to_string(cgroup.get()));
        if (!link || !link->starts_with(hierarchy.point) || link->ends_with(" (deleted)")) continue;
        const std::string path = hierarchy.root + link->substr(hierarchy.point.size());
        return path.empty() ? "/" : path;
    }
    return "";
}

}  // namespace brink::kernel
