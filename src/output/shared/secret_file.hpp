// SPDX-License-Identifier: Apache-2.0
// Passwords and keys, which are in files of their own that nobody else can read, never in the configuration.
#pragma once

#include <string>

#include "base/result.hpp"

namespace brink::output {

/// The first line of the file, without its end. Errors: it cannot be read, is no file, is empty or longer than 4 KiB, belongs to
/// somebody else than root and this user, or its group or others have any permission.
[[nodiscard]] Result<std::string> read_secret(const std::string& path);

}  // namespace brink::output
