// SPDX-License-Identifier: Apache-2.0
// signal:NAME from user space, where the hook could not send it (the poll engine, or a subject that
// stood above the level when the watch was set). pidfd_send_signal(2): never the next owner of the
// pid.
#pragma once

#include "action/action.hpp"

namespace brink::action {

/// Sends `signal` to the process behind `pidfd` (-1: gone, which is what the outcome says). Result
/// "sent" or "failed". Does not block.
[[nodiscard]] ActionOutcome send_signal(int pidfd, pid_t pid, int signal);

}  // namespace brink::action
