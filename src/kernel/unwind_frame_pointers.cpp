// SPDX-License-Identifier: Apache-2.0
// Following frame pointers: both x86-64 and aarch64 keep (outer frame pointer, return address) in
// two words where the frame pointer points to.
#include "kernel/unwind_frame_pointers.hpp"

#include <algorithm>
#include <cstring>

namespace brink::kernel {

std::optional<std::uint64_t> captured_word(const brink_stack_record& stack, std::uint64_t address) {
    const std::uint64_t n_bytes = std::min<std::uint64_t>(stack.n_bytes, BRINK_STACK_BYTES);
    const std::uint64_t offset = address - stack.sp;  // wraps below sp, and is then too large
    std::uint64_t word = 0;
    if (n_bytes < sizeof word || offset > n_bytes - sizeof word) return std::nullopt;
    std::memcpy(&word, stack.bytes + offset, sizeof word);
    return word;
}

std::vector<std::uint64_t> walk_frame_pointers(const brink_stack_record& stack,
                                               std::size_t max_frames) {
    std::vector<std::uint64_t> addresses;
    const unsigned n_regs = std::min<unsigned>(stack.n_regs, BRINK_STACK_REGS);
    if (n_regs <= kStackLayout.ip || kStackLayout.ip >= BRINK_STACK_REGS) return addresses;
    addresses.push_back(stack.regs[kStackLayout.ip]);
    std::uint64_t frame = stack.regs[kStackLayout.frame_pointer];
    while (addresses.size() < max_frames && frame % sizeof frame == 0) {
        const auto outer = captured_word(stack, frame);
        const auto return_address = captured_word(stack, frame + sizeof frame);
        if (!outer || !return_address || *return_address == 0) break;
        addresses.push_back(*return_address);
        if (*outer <= frame) break;
        frame = *outer;
    }
    return addresses;
}

}  // namespace brink::kernel
