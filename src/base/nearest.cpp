// SPDX-License-Identifier: Apache-2.0
// The Levenshtein distance, and the word with the smallest.
#include "base/nearest.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace brink {
namespace {

constexpr std::size_t kLongestWord = 64;

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

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
    std::string_view best;
    std::size_t best_distance = kLongestWord;
    for (const std::string_view candidate : candidates) {
        const std::size_t distance = edit_distance(word.substr(0, kLongestWord), candidate);
        const bool near = distance <= std::max<std::size_t>(1, candidate.size() / 2);
        if (near && distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

std::string_view nearest(std::string_view word, std::initializer_list<std::string_view> list) {
    return nearest(word, std::span<const std::string_view>(list.begin(), list.size()));
}

}  // namespace brink
