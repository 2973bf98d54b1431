// SPDX-License-Identifier: Apache-2.0
#include "output/table.hpp"

namespace brink::output {

std::span<const Definition* const> definitions() { return {k_table, k_table_size}; }

const Definition* find_definition(std::string_view type) {
    for (const Definition* definition : definitions())
        if (definition->type == type) return definition;
    return nullptr;
}

}  // namespace brink::output
