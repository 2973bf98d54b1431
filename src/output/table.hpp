// SPDX-License-Identifier: Apache-2.0
// The table of outputs, generated from the files of src/output (cmake/file_table.cmake).
#pragma once

#include <span>
#include <string_view>

#include "output/output.hpp"

namespace brink::output {

[[nodiscard]] std::span<const Definition* const> definitions();

/// nullptr if there is no such type.
[[nodiscard]] const Definition* find_definition(std::string_view type);

extern const Definition* const k_table[];
extern const unsigned long k_table_size;

}  // namespace brink::output
