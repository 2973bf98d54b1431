// SPDX-License-Identifier: Apache-2.0
// Which system calls can change a descriptor table or its limit, for the tracepoint engine.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace brink::kernel {

inline constexpr std::size_t kSyscalls = 512;

/// The calls that can be refused memory, by name.
[[nodiscard]] std::span<const char* const> memory_calls();

/// For each system call number of this architecture what it can do (enum brink_effect). A deny-list:
/// only calls that cannot touch descriptors have no effect; a number that is not known here can do
/// anything.
[[nodiscard]] std::array<std::uint8_t, kSyscalls> syscall_effects();

}  // namespace brink::kernel
