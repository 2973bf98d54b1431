// SPDX-License-Identifier: Apache-2.0
// The self-test of what the kernel itself offers to tell of a resource: timers on CPU clocks, triggers on pressure. That one
// can be made proves nothing: a child process does what they are there to see, and they must fire.
#pragma once

#include "base/result.hpp"

namespace brink::kernel {

/// Burns some CPU time, for which a timer is set. Takes some tens of milliseconds. The error says what did not work.
[[nodiscard]] Result<void> test_cpu_timer();

/// Has two processes wait for one CPU, for which a trigger is set. Takes up to a tenth of the window of 2 s; up to two
/// windows where brink may not have more than an ordinary user.
[[nodiscard]] Result<void> test_pressure_trigger();

}  // namespace brink::kernel
