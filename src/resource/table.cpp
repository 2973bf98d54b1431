// SPDX-License-Identifier: Apache-2.0
// Looking things up in the table of resources.
#include "resource/table.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

namespace brink {
namespace {

// Levenshtein distance: single-character edits that turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
        }
    }
    return row[b.size()];
}

}  // namespace

std::span<const Resource* const> resources() { return {resource::k_table, resource::k_table_size}; }

const Resource* find_resource(std::string_view name) {
    for (const Resource* candidate : resources())
        if (candidate->name == name) return candidate;
    return nullptr;
}

std::string_view nearest_resource(std::string_view name) {
    std::string_view best;
    std::size_t best_distance = 0;
    for (const Resource* candidate : resources()) {
        const std::size_t distance = edit_distance(name.substr(0, 64), candidate->name);
        if (best.empty() || distance < best_distance) {
            best = candidate->name;
            best_distance = distance;
        }
    }
    return best_distance <= std::max<std::size_t>(2, best.size() / 2) ? best : std::string_view{};
}

}  // namespace brink
