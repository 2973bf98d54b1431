// SPDX-License-Identifier: Apache-2.0
// The generated table of resources (cmake/resource_table.cmake).
#pragma once

#include "brink/resource.hpp"

namespace brink::resource {

extern const Resource* const k_table[];
extern const unsigned long k_table_size;

}  // namespace brink::resource
