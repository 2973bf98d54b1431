// SPDX-License-Identifier: Apache-2.0
// The edit distance (optimal string alignment), and the word with the smallest.
#include "base/nearest.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace brink {
namespace {

constexpr std::size_t kLongestWord = 64;

// Single-character edits that turn `a` into `b`: insert, delete, replace, swap two neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    using Row = std::vector<std::size_t>;
    Row before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before.swap(above);
        above.swap(row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
    }
    return row[b.size()];
}

}  // namespace

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
    std::string_view best;
    std::size_t best_distance = kLongestWord;
    for (const std::string_view candidate : candidates) {
        const std::size_t distance = edit_distance(word.substr(0, kLongestWord), candidate);
        const bool near = distance <= std::max<std::size_t>(1, candidate.size() / 3);
        if (near && distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

std::string_view nearest(std::string_view word,
                         std::initializer_list<std::string_view> candidates) {
    return nearest(word, std::span(candidates.begin(), candidates.size()));
}

}  // namespace brink
