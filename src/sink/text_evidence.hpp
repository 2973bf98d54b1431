// SPDX-License-Identifier: Apache-2.0
// The evidence of an event as an indented block: what makes up the usage, and the stack.
#pragma once

#include <string>

#include "brink/event.hpp"
#include "sink/text_paint.hpp"

namespace brink::sink {

/// Lines, each indented by `indent` columns and ended by "\n".
[[nodiscard]] std::string evidence_block(const Evidence& evidence, const TextStyle& style,
                                         std::size_t indent);

}  // namespace brink::sink
