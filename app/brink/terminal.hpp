// SPDX-License-Identifier: Apache-2.0
// What the place that text goes to can show.
#pragma once

#include <cstddef>

#include "sink/text_paint.hpp"

namespace brink::app {

/// Colours and the width for a terminal (without NO_COLOR, and unless TERM is "dumb"), neither for
/// anything else; ASCII where the locale of the environment is not UTF-8.
[[nodiscard]] sink::TextStyle text_style(int fd);

/// Lines of the terminal behind `fd`; 0 where it is none.
[[nodiscard]] std::size_t terminal_lines(int fd);

}  // namespace brink::app
