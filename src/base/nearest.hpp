// SPDX-License-Identifier: Apache-2.0
// nearest: the word that was probably meant by a mistyped one, for error messages.
#pragma once

#include <initializer_list>
#include <span>
#include <string_view>

namespace brink {

/// The candidate that differs from `word` by the fewest single-character edits; empty if none is
/// near enough to be worth suggesting. The answer points into `candidates`.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       std::span<const std::string_view> candidates);
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       std::initializer_list<std::string_view> candidates);

}  // namespace brink
