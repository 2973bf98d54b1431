// SPDX-License-Identifier: Apache-2.0
// The captured part of a user stack, and the chain of frame pointers in it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "bpf/wire.h"

namespace brink::kernel {

/// What a register means in brink_stack_record::regs, which has the DWARF registers of the
/// architecture in order and the instruction pointer after them.
struct StackLayout {
    unsigned n_dwarf;        ///< registers in DWARF's numbering, instruction pointer not counted
    unsigned frame_pointer;  ///< index into regs
    unsigned ip;             ///< index into regs
    bool ip_is_dwarf;        ///< DWARF numbers the return address column right after the registers
};

#if defined(__aarch64__)
inline constexpr StackLayout kStackLayout{32, 29, 32, false};  // x0..x30, sp; pc
#else
inline constexpr StackLayout kStackLayout{16, 6, 16, true};  // rax … r15; rip
#endif

/// The word at `address` of the capture; nullopt outside of it.
[[nodiscard]] std::optional<std::uint64_t> captured_word(const brink_stack_record& stack,
                                                         std::uint64_t address);

/// The instruction pointer and the return addresses that the frame pointers lead to, innermost
/// first; ends where the chain leaves the capture or does not lead outwards.
[[nodiscard]] std::vector<std::uint64_t> walk_frame_pointers(const brink_stack_record& stack,
                                                             std::size_t max_frames);

}  // namespace brink::kernel
