// SPDX-License-Identifier: Apache-2.0
#include "resource/shared/file_systems.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace brink::resource {
namespace {

bool may_hang(std::string_view type) {
    constexpr std::array<std::string_view, 14> kRemote = {"nfs",    "nfs4",    "cifs",
                                                          "smb3",   "9p",      "ceph",
                                                          "afs",    "coda",    "ocfs2",
                                                          "gfs2",   "lustre",  "glusterfs",
                                                          "autofs", "virtiofs"};
    return type.starts_with("fuse") ||
           std::find(kRemote.begin(), kRemote.end(), type) != kRemote.end();
}

}  // namespace

Result<std::string> take_file_systems(
    kernel::Machine& machine, const Take& take,
    const std::function<std::optional<Reading>(const struct statvfs&)>& read) {
    const auto& mounts = machine.mounts();
    if (!mounts) return tl::unexpected<Error>(mounts.error());
    std::set<std::string> seen;
    std::string left_out;
    for (const kernel::Mount& mount : *mounts) {
        if (!seen.insert(mount.device).second) continue;
        if (may_hang(mount.type)) {
            left_out += (left_out.empty() ? "not asked, since a server may not answer: " : ", ") +
                        mount.point;
            continue;
        }
        struct statvfs values {};
        if (::statvfs(mount.point.c_str(), &values) != 0) continue;
        const auto reading = read(values);
        if (!reading) continue;
        Subject subject;
        subject.target = subject.name = mount.point;
        take(std::move(subject), *reading);
    }
    return left_out;
}

}  // namespace brink::resource
