// SPDX-License-Identifier: Apache-2.0
// Looking things up in the table of resources.
#include "resource/table.hpp"

#include <vector>

#include "base/nearest.hpp"

namespace brink {

std::span<const Resource* const> resources() { return {resource::k_table, resource::k_table_size}; }

const Resource* find_resource(std::string_view name) {
    for (const Resource* candidate : resources())
        if (candidate->name == name) return candidate;
    return nullptr;
}

std::string_view nearest_resource(std::string_view name) {
    std::vector<std::string_view> names;
    for (const Resource* resource : resources()) names.push_back(resource->name);
    return nearest(name, names);
}

}  // namespace brink
