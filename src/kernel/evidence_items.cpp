// SPDX-License-Identifier: Apache-2.0
#include "kernel/evidence_items.hpp"

#include <algorithm>
#include <tuple>

namespace brink::kernel {

void EvidenceSums::write(Evidence& evidence, std::size_t max_items) const {
    for (const auto& [key, units] : sums_) {
        evidence.items.push_back({key.first, key.second, units});
        evidence.total += units;
    }
    keep_largest(evidence, max_items);
}

void keep_largest(Evidence& evidence, std::size_t max_items) {
    std::sort(evidence.items.begin(), evidence.items.end(),
              [](const EvidenceItem& a, const EvidenceItem& b) {
                  return std::tie(b.count, a.kind, a.target) < std::tie(a.count, b.kind, b.target);
              });
    for (std::size_t i = max_items; i < evidence.items.size(); ++i)
        evidence.omitted += evidence.items[i].count;
    if (evidence.items.size() > max_items) evidence.items.resize(max_items);
}

}  // namespace brink::kernel
