// SPDX-License-Identifier: Apache-2.0
// EvidenceSums: units by kind and target, for the breakdown of an event.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "brink/event.hpp"

namespace brink::kernel {

class EvidenceSums {
  public:
    void add(const std::string& kind, const std::string& target, std::uint64_t units) {
        if (units) sums_[{kind, target}] += units;
    }

    /// The largest as items, the rest as `omitted`, all as `total`.
    void write(Evidence& evidence, std::size_t max_items) const;

  private:
    std::map<std::pair<std::string, std::string>, std::uint64_t> sums_;
};

/// Sorts the items, the largest first, ties by kind and target, and leaves out those beyond `max_items`.
void keep_largest(Evidence& evidence, std::size_t max_items);

}  // namespace brink::kernel
