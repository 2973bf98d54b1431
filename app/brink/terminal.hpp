// SPDX-License-Identifier: Apache-2.0
// What the place that text goes to can show.
#pragma once

#include "sink/text_paint.hpp"

namespace brink::app {

/// Colours and the width for a terminal (without NO_COLOR, and unless TERM is "dumb"), neither for
/// anything else; ASCII where the locale of the environment is not UTF-8.
[[nodiscard]] sink::TextStyle text_style(int fd);

}  // namespace brink::app
