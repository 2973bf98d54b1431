// SPDX-License-Identifier: Apache-2.0
// Which system calls can change a descriptor table or its limit, for the tracepoint engine.
#pragma once

#include <array>
#include <cstdint>

namespace brink::kernel {

inline constexpr std::size_t kSyscalls = 512;

/// For each system call number of this architecture what it can do (enum brink_effect). A deny-list:
/// only calls that cannot touch descriptors have no effect; a number that is not known here can do
/// anything.
[[nodiscard]] std::array<std::uint16_t, kSyscalls> syscall_effects();

}  // namespace brink::kernel
