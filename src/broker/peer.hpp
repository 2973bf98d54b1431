// SPDX-License-Identifier: Apache-2.0
// Peer: who is on the other end of a connected Unix socket, as the kernel knew them when they connected.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace brink::broker {

class Peer {
  public:
    /// `group`: its members may watch everything. Errors: those of getsockopt(2).
    [[nodiscard]] static Result<Peer> of(int socket, std::optional<gid_t> group);

    [[nodiscard]] pid_t pid() const { return pid_; }  ///< in our pid namespace; 0: invisible
    [[nodiscard]] uid_t uid() const { return uid_; }  ///< effective, in our user namespace
    [[nodiscard]] gid_t gid() const { return gid_; }
    [[nodiscard]] bool is_member() const { return member_; }
    /// Root, with one of the capabilities that make other users' processes theirs to watch, by /proc.
    [[nodiscard]] bool is_privileged() const { return privileged_; }

    /// Whether their numbers of processes are ours. If in doubt they are not.
    [[nodiscard]] bool shares_pids() const { return shares_pids_; }

    /// The number that process `pid` of ours has in their pid namespace, if it lives in that one; else 0.
    [[nodiscard]] pid_t their_pid(pid_t pid) const;

    /// What they see of `uid`, a number of our user namespace: 65534 if it has none in theirs.
    [[nodiscard]] uid_t their_uid(uid_t uid) const;

  private:
    struct Range {  // of a user namespace, user_namespaces(7)
        uid_t inside;
        uid_t outside;
        uid_t count;
    };
    Peer() = default;
    void look_at_groups(int socket, gid_t group);
    void look_at_process(int socket);

    pid_t pid_ = 0;
    uid_t uid_ = 0;
    gid_t gid_ = 0;
    bool member_ = false;
    bool privileged_ = false;
    bool shares_pids_ = false;
    std::vector<Range> uids_;  // empty: those of our own user namespace
};

}  // namespace brink::broker
