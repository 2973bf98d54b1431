// SPDX-License-Identifier: Apache-2.0
#include "output/shared/measures.hpp"

#include "output/shared/subject.hpp"

namespace brink::output {

std::vector<Measure> measures_of(const Event& event) {
    std::vector<Measure> measures;
    if (!event.usage || event.resource.empty()) return measures;
    measures.push_back({"usage", static_cast<double>(*event.usage)});
    if (event.limit.value_or(0) == 0) return measures;
    measures.push_back({"limit", static_cast<double>(*event.limit)});
    measures.push_back({"headroom_ratio", 1 - ratio_of(event)});
    return measures;
}

}  // namespace brink::output
