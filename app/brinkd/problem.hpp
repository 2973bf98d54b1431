// SPDX-License-Identifier: Apache-2.0
// Problem: what is wrong with the configuration, and where.
#pragma once

#include <string>
#include <vector>

namespace brink::app {

struct Problem {
    std::string file;
    unsigned line = 0;  ///< from 1; 0: the file as a whole
    unsigned column = 0;
    std::string message;  ///< what was given, what is wrong, what would be right

    /// "/etc/brink/brink.toml:12:3: there is no key 'wacth' …"
    [[nodiscard]] std::string text() const;
};

using Problems = std::vector<Problem>;

}  // namespace brink::app
