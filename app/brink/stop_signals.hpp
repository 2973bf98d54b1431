// SPDX-License-Identifier: Apache-2.0
// The signals that end a subcommand that goes on until it is told to stop.
#pragma once

namespace brink::app {

/// Blocks INT, TERM, HUP and PIPE, and gives a signalfd (non-blocking, close-on-exec) of the first three, which is the
/// caller's; -1, with nothing blocked, if there is no descriptor left.
[[nodiscard]] int stop_signals();

}  // namespace brink::app
