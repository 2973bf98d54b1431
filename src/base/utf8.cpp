// SPDX-License-Identifier: Apache-2.0
// A UTF-8 decoder after table 3-7 of the Unicode standard, and what is built on it.
#include "base/utf8.hpp"

#include <fmt/format.h>

#include <iterator>
#include <optional>

namespace brink {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD
constexpr std::size_t kQuotedColumns = 80;

struct Decoded {
    std::optional<char32_t> point;  // nullopt: ill-formed
    std::size_t length = 1;         // bytes that belong to it
};

struct Lead {
    std::size_t length;  // of the whole sequence; 0: cannot start one
    unsigned low;        // smallest and largest second byte that is allowed
    unsigned high;
};

Lead classify(unsigned byte) {
    if (byte < 0x80) return {1, 0, 0};
    if (byte < 0xc2) return {0, 0, 0};
    if (byte < 0xe0) return {2, 0x80, 0xbf};
    if (byte < 0xf0) return {3, byte == 0xe0 ? 0xa0U : 0x80U, byte == 0xed ? 0x9fU : 0xbfU};
    if (byte < 0xf5) return {4, byte == 0xf0 ? 0x90U : 0x80U, byte == 0xf4 ? 0x8fU : 0xbfU};
    return {0, 0, 0};
}

// The code point at the start of `bytes`. REQUIRES: bytes is not empty.
Decoded decode(std::string_view bytes) {
    const unsigned first = static_cast<unsigned char>(bytes[0]);
    const Lead lead = classify(first);
    if (lead.length == 0) return {};
    if (lead.length == 1) return {static_cast<char32_t>(first), 1};
    char32_t point = first & (0x7fU >> lead.length);
    for (std::size_t i = 1; i < lead.length; ++i) {
        if (i >= bytes.size()) return {std::nullopt, i};
        const unsigned next = static_cast<unsigned char>(bytes[i]);
        const unsigned low = i == 1 ? lead.low : 0x80U;
        const unsigned high = i == 1 ? lead.high : 0xbfU;
        if (next < low || next > high) return {std::nullopt, i};
        point = point << 6 | (next & 0x3fU);
    }
    return {point, lead.length};
}

bool is_control(char32_t point) { return point < 0x20 || (point >= 0x7f && point < 0xa0); }

bool is_invisible_steering(char32_t point) {
    return point == 0x61c || point == 0x200e || point == 0x200f ||
           (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

void append_safe(std::string& out, char32_t point, std::string_view bytes) {
    if (point == U'\n')
        out += "\\n";
    else if (point == U'\t')
        out += "\\t";
    else if (point == U'\\')
        out += "\\\\";
    else if (is_control(point))
        fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned>(point));
    else if (is_invisible_steering(point))
        fmt::format_to(std::back_inserter(out), "\\u{{{:x}}}", static_cast<unsigned>(point));
    else
        out += bytes;
}

}  // namespace

std::string sanitize_utf8(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    while (!bytes.empty()) {
        const Decoded decoded = decode(bytes);
        out += decoded.point ? bytes.substr(0, decoded.length) : kReplacement;
        bytes.remove_prefix(decoded.length);
    }
    return out;
}

std::string terminal_safe(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    while (!bytes.empty()) {
        const Decoded decoded = decode(bytes);
        if (decoded.point)
            append_safe(out, *decoded.point, bytes.substr(0, decoded.length));
        else
            out += kReplacement;
        bytes.remove_prefix(decoded.length);
    }
    return out;
}

std::size_t columns(std::string_view text) {
    std::size_t count = 0;
    while (!text.empty()) {
        text.remove_prefix(decode(text).length);
        ++count;
    }
    return count;
}

std::string shorten(std::string_view text, std::size_t max_columns, std::string_view ellipsis) {
    std::string whole = sanitize_utf8(text);
    if (columns(whole) <= max_columns) return whole;
    const std::size_t mark = columns(ellipsis);
    if (mark > max_columns) return {};
    std::size_t end = 0;
    for (std::size_t kept = 0; kept < max_columns - mark; ++kept)
        end += decode(std::string_view(whole).substr(end)).length;
    whole.resize(end);
    return whole.append(ellipsis);
}

std::string in_quotes(std::string_view bytes) {
    return "'" + shorten(terminal_safe(bytes), kQuotedColumns) + "'";
}

}  // namespace brink
