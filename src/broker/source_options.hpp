// SPDX-License-Identifier: Apache-2.0
// What the source of records that all clients share is to be.
#pragma once

#include <cstdint>

namespace brink::broker {

/// `automatic` is `kernel`, or `poll` where that cannot be had: `tracepoint` slows down every process on the machine, and
/// is taken only where somebody asks for it.
enum class EngineWish { automatic, kernel, tracepoint, poll };

struct SourceOptions {
    EngineWish engine = EngineWish::automatic;
    std::uint32_t max_subjects = 16384;  ///< watches on processes at once, children included
    std::uint32_t max_watches = 4096;
    std::uint32_t max_clients = 1024;
};

}  // namespace brink::broker
