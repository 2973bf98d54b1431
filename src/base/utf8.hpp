// SPDX-License-Identifier: Apache-2.0
// Text from outside (names of programs, paths, arguments) made fit for JSON, for a terminal, and
// for error messages. All functions accept any bytes and return valid UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace brink {

/// Every ill-formed part becomes U+FFFD, as Unicode recommends it (one per maximal subpart).
[[nodiscard]] std::string sanitize_utf8(std::string_view bytes);

/// As sanitize_utf8, and whatever could steer a terminal becomes visible: control characters and
/// the backslash as "\x1b", "\n", "\\"; marks that change the writing direction as "\u{202e}".
[[nodiscard]] std::string terminal_safe(std::string_view bytes);

/// Number of code points of `text`, which is taken for the number of columns it needs.
[[nodiscard]] std::size_t columns(std::string_view text);

/// `text`, cut to `max_columns` code points where it is longer; the last is then `ellipsis`.
[[nodiscard]] std::string shorten(std::string_view text, std::size_t max_columns,
                                  std::string_view ellipsis = "...");

/// For error messages: terminal-safe, in single quotes, not longer than a line can bear.
[[nodiscard]] std::string in_quotes(std::string_view bytes);

}  // namespace brink
