// SPDX-License-Identifier: Apache-2.0
// Owner: on whose behalf a watch is set, where that is not whoever runs brink. Whom an owner may watch is the rule of
// prlimit(2): processes whose real, effective and saved ids are the owner's. Account: what the watches of one user may
// take of what all share.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "kernel/procfs.hpp"

namespace brink::engine {

struct Owner {
    /// The server's end of the socket that the owner connected, open as long as the owner is set. Hooks read from it who
    /// that was, with capabilities and namespaces; the engine `poll` goes by what follows.
    int socket = -1;
    uid_t uid = 0;
    gid_t gid = 0;
    bool all = false;         ///< may watch everything
    bool privileged = false;  ///< so does /proc say; for the engine `poll`

    [[nodiscard]] bool permits(const kernel::ProcessStatus& status) const {
        return all || privileged ||
               (status.uid_real == uid && status.uid_effective == uid && status.uid_saved == uid &&
                status.gid_real == gid && status.gid_effective == gid && status.gid_saved == gid);
    }
};

struct Account {
    std::uint64_t max_waiting = 0;   ///< records that wait to be read
    std::uint32_t max_subjects = 0;  ///< watches on processes at once, children included
};

}  // namespace brink::engine
