// SPDX-License-Identifier: Apache-2.0
// The event that `brink test-sink` sends: a crossing of a resource "test" that nothing has.
#pragma once

#include <string>

#include "output/output.hpp"

namespace brink::relay {

/// Entry::is_test().
[[nodiscard]] output::Entry test_entry(const std::string& host);

}  // namespace brink::relay
