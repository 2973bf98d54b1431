// SPDX-License-Identifier: Apache-2.0
#include "resource/shared/file_systems.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <string_view>
#include <vector>

namespace brink::resource {
namespace {

bool is_remote(std::string_view type) {
    constexpr std::array<std::string_view, 18> kRemote = {
        "nfs",  "nfs4",   "cifs",      "smb3",   "9p",       "ceph",     "afs",    "coda", "ocfs2",
        "gfs2", "lustre", "glusterfs", "autofs", "virtiofs", "orangefs", "beegfs", "gpfs", "panfs"};
    return type.starts_with("fuse") ||
           std::find(kRemote.begin(), kRemote.end(), type) != kRemote.end();
}

// Whether `inner` is `outer`, or lies below it.
bool is_below(std::string_view inner, std::string_view outer) {
    return inner.starts_with(outer) &&
           (inner.size() == outer.size() || outer == "/" || inner[outer.size()] == '/');
}

// Whether the way to `mount` may lead over a server that does not answer.
bool may_hang(const kernel::Mount& mount, const std::vector<kernel::Mount>& mounts) {
    return std::any_of(mounts.begin(), mounts.end(), [&](const kernel::Mount& other) {
        return is_remote(other.type) && is_below(mount.point, other.point);
    });
}

// Whether another file system is mounted over it, so that its point leads elsewhere. statx(2) tells since Linux 5.8.
bool is_covered(const kernel::Mount& mount) {
    struct statx values {};
    constexpr unsigned kMountId = 0x1000;  // STATX_MNT_ID
    if (::statx(AT_FDCWD, mount.point.c_str(), AT_NO_AUTOMOUNT, kMountId, &values) != 0)
        return false;
    return (values.stx_mask & kMountId) != 0 && values.stx_mnt_id != mount.id;
}

void add(std::string& list, std::string_view what, const std::string& point) {
    list.append(list.empty() ? what : std::string_view(", ")).append(point);
}

}  // namespace

Result<std::string> take_file_systems(
    kernel::Machine& machine, const Take& take,
    const std::function<std::optional<Reading>(const struct statvfs&)>& read) {
    const auto& mounts = machine.mounts();
    if (!mounts) return tl::unexpected<Error>(mounts.error());
    std::set<std::string> seen;
    std::string not_asked;
    std::string refused;
    std::size_t taken = 0;
    for (const kernel::Mount& mount : *mounts) {
        if (seen.contains(mount.device)) continue;
        if (may_hang(mount, *mounts)) {
            if (is_remote(mount.type))
                add(not_asked, "not asked, since a server may not answer: ", mount.point);
            continue;
        }
        if (is_covered(mount)) continue;
        seen.insert(mount.device);
        struct statvfs values {};
        if (::statvfs(mount.point.c_str(), &values) != 0) {
            if (errno == EACCES) add(refused, "may not be read: ", mount.point);
            continue;
        }
        // What nobody can write to has no limit that anybody could meet. A mount that is read-only for us alone has.
        if (mount.has_option("ro")) continue;
        const auto reading = read(values);
        if (!reading) continue;
        Subject subject;
        subject.target = subject.name = mount.point;
        take(std::move(subject), *reading);
        ++taken;
    }
    if (!not_asked.empty() && !refused.empty()) not_asked += "; ";
    not_asked += refused;
    if (taken == 0)
        return fail(not_asked.empty() ? "no file system has this limit" : not_asked, ENOENT);
    return not_asked;
}

}  // namespace brink::resource
