// SPDX-License-Identifier: Apache-2.0
// splitmix64: small, and the same everywhere, so that a seed says what a workload does.
#pragma once

#include <cstdint>

namespace brink::work {

inline std::uint64_t next_random(std::uint64_t& state) {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

}  // namespace brink::work
