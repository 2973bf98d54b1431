// SPDX-License-Identifier: Apache-2.0
#include "broker/peer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <string>

#include "kernel/file_text.hpp"
#include "kernel/procfs.hpp"

namespace brink::broker {
namespace {

constexpr int kPeerPidfd = 77;  // SO_PEERPIDFD, Linux 6.5
constexpr uid_t kNobody = 65534;
constexpr std::uint64_t kWatchesOthers = std::uint64_t{1} << 19 |  // CAP_SYS_PTRACE
                                         std::uint64_t{1} << 24;   // CAP_SYS_RESOURCE

// Where the kernel gives none, one that is opened by number, right unless the peer has ended already.
Fd pidfd_of(int socket, pid_t pid) {
    int fd = -1;
    socklen_t size = sizeof fd;
    if (::getsockopt(socket, SOL_SOCKET, kPeerPidfd, &fd, &size) == 0) return Fd(fd);
    return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

bool is_reaped(const Fd& pidfd) {
    return !pidfd ||
           (::syscall(SYS_pidfd_send_signal, pidfd.get(), 0, nullptr, 0) != 0 && errno == ESRCH);
}

bool same_namespace(pid_t pid, const char* kind) {
    const auto theirs = kernel::read_link(AT_FDCWD, fmt::format("/proc/{}/ns/{}", pid, kind));
    return theirs && theirs == kernel::read_link(AT_FDCWD, fmt::format("/proc/self/ns/{}", kind));
}

}  // namespace

Result<Peer> Peer::of(int socket, std::optional<gid_t> group) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size))
        return fail_errno("cannot tell who has connected (SO_PEERCRED)");
    Peer peer;
    peer.pid_ = credentials.pid;
    peer.uid_ = credentials.uid;
    peer.gid_ = credentials.gid;
    if (group) peer.look_at_groups(socket, *group);
    peer.look_at_process(socket);
    return peer;
}

void Peer::look_at_groups(int socket, gid_t group) {
    std::vector<gid_t> groups(64);
    auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    int failed = ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
    if (failed && errno == ERANGE) {
        groups.resize(size / sizeof(gid_t));
        failed = ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
    }
    groups.resize(failed ? 0 : size / sizeof(gid_t));
    member_ = gid_ == group || std::find(groups.begin(), groups.end(), group) != groups.end();
}

// What is read from /proc is the peer's if it has not ended by then. It may have executed another program meanwhile:
// so nothing here gives an authority that the ids at the connection do not give, and only root is asked for more.
void Peer::look_at_process(int socket) {
    if (pid_ <= 0) return;
    const Fd pidfd = pidfd_of(socket, pid_);
    const bool shares_pids = same_namespace(pid_, "pid");
    const bool shares_users = same_namespace(pid_, "user");
    const auto status = kernel::Procfs{}.status(pid_);
    const auto map = kernel::read_text(fmt::format("/proc/{}/uid_map", pid_));
    if (is_reaped(pidfd)) return;
    shares_pids_ = shares_pids;
    privileged_ = uid_ == 0 && shares_users && status && status->permitted & kWatchesOthers;
    if (shares_users || !map) return;
    std::istringstream lines(*map);
    for (Range range{}; lines >> range.inside >> range.outside >> range.count;)
        uids_.push_back(range);
}

pid_t Peer::their_pid(pid_t pid) const {
    if (shares_pids_) return pid;
    const auto theirs = kernel::read_link(AT_FDCWD, fmt::format("/proc/{}/ns/pid", pid_));
    if (!theirs || theirs != kernel::read_link(AT_FDCWD, fmt::format("/proc/{}/ns/pid", pid)))
        return 0;
    const auto status = kernel::Procfs{}.status(pid);
    return status && !status->ns_pids.empty() ? status->ns_pids.back() : 0;
}

uid_t Peer::their_uid(uid_t uid) const {
    if (uids_.empty()) return uid;
    for (const Range& range : uids_)
        if (uid >= range.outside && uid - range.outside < range.count)
            return range.inside + (uid - range.outside);
    return kNobody;
}

}  // namespace brink::broker
