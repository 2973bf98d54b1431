// SPDX-License-Identifier: Apache-2.0
// A walk over the links of /proc/PID/fd.
#include "kernel/descriptor_owners.hpp"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "base/fd.hpp"
#include "kernel/descriptor_kind.hpp"
#include "kernel/file_text.hpp"

namespace brink::kernel {
namespace {

// Whether two descriptors are one open file description (kcmp(2)); no, where the kernel will not tell.
bool same_file(const InotifyInstance& a, const InotifyInstance& b) {
    return ::syscall(SYS_kcmp, a.pid, b.pid, KCMP_FILE, a.fd, b.fd) == 0;
}

}  // namespace

DescriptorOwners::DescriptorOwners(const Procfs& procfs,
                                   const std::unordered_set<std::uint64_t>& sockets) {
    std::vector<pid_t> pids;
    (void)for_each_number(procfs.root(), [&](std::uint32_t number) {
        pids.push_back(static_cast<pid_t>(number));
        return true;
    });
    for (const pid_t pid : pids) walk(procfs, pid, sockets);
}

void DescriptorOwners::walk(const Procfs& procfs, pid_t pid,
                            const std::unordered_set<std::uint64_t>& sockets) {
    const std::string path = procfs.path(pid, "fd");
    const Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) {
        if (errno == EACCES || errno == EPERM) ++unreadable_;
        return;
    }
    bool denied = false;
    const auto listed = for_each_number(path, [&](std::uint32_t number) {
        const auto target = read_link(directory.get(), std::to_string(number));
        if (!target) {
            denied |= errno == EACCES || errno == EPERM;
            return !denied;
        }
        if (const auto inode = socket_inode(*target); inode && sockets.contains(*inode))
            owners_.try_emplace(*inode, pid);
        else if (*target == "anon_inode:inotify")
            add_inotify({pid, static_cast<int>(number)});
        return true;
    });
    if (denied || (!listed && listed.error().code == EACCES)) ++unreadable_;
}

void DescriptorOwners::add_inotify(InotifyInstance instance) {
    const bool known =
        std::any_of(inotify_.begin(), inotify_.end(), [&](const InotifyInstance& other) {
            return other.pid != instance.pid && same_file(other, instance);
        });
    if (!known) inotify_.push_back(instance);
}

pid_t DescriptorOwners::socket_owner(std::uint64_t inode) const {
    const auto found = owners_.find(inode);
    return found == owners_.end() ? 0 : found->second;
}

}  // namespace brink::kernel
