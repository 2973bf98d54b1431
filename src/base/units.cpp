// SPDX-License-Identifier: Apache-2.0
// Digits, suffixes, and the multiplication that must not overflow.
#include "base/units.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <span>

#include "base/utf8.hpp"

namespace brink {
namespace {

struct Suffix {
    std::string_view text;
    std::uint64_t factor;
};

constexpr std::array<Suffix, 5> kByteSuffixes{{
    {"", 1},
    {"K", std::uint64_t{1} << 10},
    {"M", std::uint64_t{1} << 20},
    {"G", std::uint64_t{1} << 30},
    {"T", std::uint64_t{1} << 40},
}};

constexpr std::uint64_t kMicrosecond = 1'000;
constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMinute = 60 * kSecond;
constexpr std::uint64_t kHour = 60 * kMinute;

constexpr std::array<Suffix, 5> kTimeSuffixes{{
    {"us", kMicrosecond},
    {"ms", kMillisecond},
    {"s", kSecond},
    {"m", kMinute},
    {"h", kHour},
}};

tl::unexpected<Error> malformed(std::string_view text, std::string_view what_is_right) {
    if (text.empty())
        return fail(fmt::format("nothing was given; write {}", what_is_right), EINVAL);
    return fail(fmt::format("{} is malformed; write {}", in_quotes(text), what_is_right), EINVAL);
}

Result<std::uint64_t> parse_suffixed(std::string_view text, std::span<const Suffix> suffixes,
                                     std::string_view base_unit, std::string_view what_is_right) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc::invalid_argument) return malformed(text, what_is_right);
    const std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
    for (const Suffix& candidate : suffixes) {
        if (candidate.text != suffix) continue;
        std::uint64_t product = 0;
        if (error == std::errc::result_out_of_range ||
            __builtin_mul_overflow(number, candidate.factor, &product))
            return fail(fmt::format("{} is too large; it must be below 2^64 {}", in_quotes(text),
                                    base_unit),
                        ERANGE);
        return product;
    }
    return malformed(text, what_is_right);
}

// `value` in units of `factor` with as many decimals (0 to 2) as make three digits, cut off.
std::string decimal(std::uint64_t value, std::uint64_t factor, std::string_view suffix) {
    const std::uint64_t whole = value / factor;
    const auto hundredths = static_cast<std::uint64_t>(
        static_cast<unsigned __int128>(value % factor) * 100 / factor);
    if (hundredths == 0 || whole >= 100) return fmt::format("{}{}", whole, suffix);
    if (whole >= 10 || hundredths % 10 == 0)
        return hundredths < 10 ? fmt::format("{}{}", whole, suffix)
                               : fmt::format("{}.{}{}", whole, hundredths / 10, suffix);
    return fmt::format("{}.{:02}{}", whole, hundredths, suffix);
}

std::string format_bytes(std::uint64_t value) {
    for (std::size_t i = kByteSuffixes.size(); i-- > 1;)
        if (value >= kByteSuffixes[i].factor)
            return decimal(value, kByteSuffixes[i].factor, kByteSuffixes[i].text);
    return fmt::format("{}B", value);
}

std::string format_time(std::uint64_t value) {
    if (value >= kHour)
        return value % kHour < kMinute
                   ? fmt::format("{}h", value / kHour)
                   : fmt::format("{}h{:02}m", value / kHour, value % kHour / kMinute);
    if (value >= kMinute)
        return value % kMinute < kSecond
                   ? fmt::format("{}m", value / kMinute)
                   : fmt::format("{}m{:02}s", value / kMinute, value % kMinute / kSecond);
    for (std::size_t i = 3; i-- > 0;)
        if (value >= kTimeSuffixes[i].factor)
            return decimal(value, kTimeSuffixes[i].factor, kTimeSuffixes[i].text);
    return fmt::format("{}ns", value);
}

}  // namespace

Result<std::uint64_t> parse_count(std::string_view text) {
    static constexpr std::array<Suffix, 1> kNone{{{"", 1}}};
    return parse_suffixed(text, kNone, "counts", "digits, such as 900");
}

Result<std::uint64_t> parse_bytes(std::string_view text) {
    return parse_suffixed(text, kByteSuffixes, "bytes",
                          "digits and perhaps K, M, G or T (powers of 1024), such as 512M");
}

Result<std::uint64_t> parse_time_ns(std::string_view text) {
    return parse_suffixed(text, kTimeSuffixes, "nanoseconds",
                          "digits and us, ms, s, m or h, such as 30s");
}

Result<std::uint64_t> parse_quantity(std::string_view text, Unit unit) {
    switch (unit) {
        case Unit::count: return parse_count(text);
        case Unit::bytes: return parse_bytes(text);
        case Unit::time_ns: return parse_time_ns(text);
    }
    return fail("no such unit");
}

std::string format_quantity(std::uint64_t value, Unit unit) {
    switch (unit) {
        case Unit::count: return fmt::format("{}", value);
        case Unit::bytes: return format_bytes(value);
        case Unit::time_ns: return format_time(value);
    }
    return {};
}

std::string_view unit_code(Unit unit) {
    switch (unit) {
        case Unit::count: return "1";
        case Unit::bytes: return "By";
        case Unit::time_ns: return "ns";
    }
    return {};
}

std::optional<Unit> unit_from_code(std::string_view code) {
    for (const Unit unit : {Unit::count, Unit::bytes, Unit::time_ns})
        if (unit_code(unit) == code) return unit;
    return std::nullopt;
}

}  // namespace brink
