// SPDX-License-Identifier: Apache-2.0
// Small readers that procfs.cpp and descriptor_table.cpp share: a whole file, a link, the numbers
// a directory lists.
#pragma once

#include <sys/types.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace brink::kernel {

/// The first `max_bytes` of a file. The error carries errno and names the file.
[[nodiscard]] Result<std::string> read_text(const std::string& path,
                                            std::size_t max_bytes = 1U << 20);

/// Calls `visit` with each line of a file of any size, without its end.
[[nodiscard]] Result<void> for_each_line(const std::string& path,
                                         const std::function<void(std::string_view)>& visit);

/// The number that the first line of a file consists of. The error names the file.
[[nodiscard]] Result<std::uint64_t> read_number(const std::string& path);

/// Target of a symbolic link, relative to directory descriptor `at`; nullopt with errno set.
[[nodiscard]] std::optional<std::string> read_link(int at, const std::string& path);

/// Calls `visit` with each entry of `path` that is a number, until it says false.
[[nodiscard]] Result<void> for_each_number(const std::string& path,
                                           const std::function<bool(std::uint32_t)>& visit);

/// All of `text` as a number, else nullopt.
template <typename Number>
[[nodiscard]] std::optional<Number> to_number(std::string_view text, int base = 10) {
    Number value{};
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value, base);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return value;
}

/// Takes the next word (separated by blanks or tabs) off the front of `text`; "" at the end.
[[nodiscard]] std::string_view next_word(std::string_view& text);

/// Takes the next line off the front of `text`, without its end; nullopt when there is none left.
[[nodiscard]] std::optional<std::string_view> next_line(std::string_view& text);

}  // namespace brink::kernel
