// SPDX-License-Identifier: Apache-2.0
// Units: numbers as people write them, from and to the base units that brink counts in (counts,
// bytes, nanoseconds).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "brink/resource.hpp"

namespace brink {

/// Reads decimal digits and nothing else. The error names the text; its code is EINVAL if it is
/// malformed, ERANGE if it is too large.
[[nodiscard]] Result<std::uint64_t> parse_count(std::string_view text);

/// Reads digits with an optional K, M, G or T (powers of 1024).
[[nodiscard]] Result<std::uint64_t> parse_bytes(std::string_view text);

/// Reads digits with us, ms, s, m or h; the answer is in nanoseconds. A bare number is refused:
/// there is no unit that everybody would guess.
[[nodiscard]] Result<std::uint64_t> parse_time_ns(std::string_view text);

/// One of the three above.
[[nodiscard]] Result<std::uint64_t> parse_quantity(std::string_view text, Unit unit);

/// For people: "820", "1.5G", "250ms". Never more than the value: what is cut off is dropped.
[[nodiscard]] std::string format_quantity(std::uint64_t value, Unit unit);

/// The unit's code in UCUM, as in every record: "1", "By", "ns".
[[nodiscard]] std::string_view unit_code(Unit unit);

/// The way back; nullopt if `code` is none of them.
[[nodiscard]] std::optional<Unit> unit_from_code(std::string_view code);

}  // namespace brink
