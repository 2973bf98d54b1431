// SPDX-License-Identifier: Apache-2.0
// From a [[rule]] of a TOML file to the Rule.
#pragma once

#include "rule.hpp"
#include "toml_section.hpp"

namespace brink::app {

/// What is wrong with it is added to `problems`, which are those of `section`; the answer is of use only if nothing was.
[[nodiscard]] Rule read_rule(Section& section, const Problems& problems);

}  // namespace brink::app
