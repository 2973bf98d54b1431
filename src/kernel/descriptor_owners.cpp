// SPDX-License-Identifier: Apache-2.0
// A walk over the links of /proc/PID/fd.
#include "kernel/descriptor_owners.hpp"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/fd.hpp"
#include "kernel/descriptor_kind.hpp"
#include "kernel/file_text.hpp"
#include "kernel/process_files.hpp"

namespace brink::kernel {
namespace {

// How two open file descriptions lie to each other: kcmp(2). Negative where the kernel will not tell.
long compare(const InotifyInstance& a, const InotifyInstance& b) {
    return ::syscall(SYS_kcmp, a.pid, b.pid, KCMP_FILE, a.fd, b.fd);
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
    const auto refused = [&] {
        // A kernel thread has no descriptors, and shows that to root alone.
        if (ProcessFiles(procfs, pid).has_memory()) ++unreadable_;
    };
    if (!directory) {
        if (errno == EACCES || errno == EPERM) refused();
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
    if (denied || (!listed && listed.error().code == EACCES)) refused();
}

// They are kept in the kernel's order, so that each new one is compared with a few.
void DescriptorOwners::add_inotify(InotifyInstance instance) {
    auto low = inotify_.begin();
    auto high = inotify_.end();
    while (low < high) {
        const auto middle = low + (high - low) / 2;
        const long order = compare(*middle, instance);
        if (order == 0) return;
        if (order < 0 || order > 2) break;  // where it cannot be told it counts
        if (order == 1)
            low = middle + 1;
        else
            high = middle;
    }
    inotify_.insert(low, instance);
}

pid_t DescriptorOwners::socket_owner(std::uint64_t inode) const {
    const auto found = owners_.find(inode);
    return found == owners_.end() ? 0 : found->second;
}

}  // namespace brink::kernel
