// SPDX-License-Identifier: Apache-2.0
// How text output looks on a terminal: what each colour means, in one place.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace brink::sink {

/// What the surroundings can show. The caller decides (a terminal? NO_COLOR? which locale?).
struct TextStyle {
    bool colour = false;    ///< ANSI colours
    bool unicode = true;    ///< arrows and lines; false: ASCII only
    std::size_t width = 0;  ///< columns that long targets are cut to; 0: nothing is cut
};

enum class Tone { plain, faint, strong, good, warning, alarm, note };

/// `text`, in the colour of `tone` where `style` has colours. Empty text stays empty.
[[nodiscard]] inline std::string paint(const TextStyle& style, Tone tone, std::string_view text) {
    constexpr std::string_view kCodes[] = {"", "2", "1", "32", "33", "1;31", "36"};
    const std::string_view code = kCodes[static_cast<std::size_t>(tone)];
    if (!style.colour || code.empty() || text.empty()) return std::string(text);
    return std::string("\x1b[").append(code).append("m").append(text).append("\x1b[0m");
}

}  // namespace brink::sink
