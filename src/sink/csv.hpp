// SPDX-License-Identifier: Apache-2.0
// Events as CSV (RFC 4180): one line each, always the same columns, what does not apply left empty. For spreadsheets;
// evidence is not in it.
#pragma once

#include <string>

#include "brink/event.hpp"

namespace brink::sink {

/// The line of names, with its end.
[[nodiscard]] std::string csv_header();

/// The line of `event`, with its end (a line feed, as programs here want it). An unlimited limit is "unlimited".
[[nodiscard]] std::string to_csv(const Event& event);

}  // namespace brink::sink
