// SPDX-License-Identifier: Apache-2.0
#include "moment.hpp"

#include <fmt/format.h>

#include <array>
#include <ctime>
#include <optional>
#include <string>

#include "base/units.hpp"
#include "base/utf8.hpp"

namespace brink::app {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kDayNs = 86'400ULL * 1'000'000'000;

struct Format {
    const char* text;
    bool has_date;
};

constexpr std::array<Format, 7> kFormats{{
    {"%Y-%m-%d %H:%M:%S", true},
    {"%Y-%m-%dT%H:%M:%S", true},
    {"%Y-%m-%d %H:%M", true},
    {"%Y-%m-%dT%H:%M", true},
    {"%Y-%m-%d", true},
    {"%H:%M:%S", false},
    {"%H:%M", false},
}};

std::optional<std::uint64_t> days_ns(std::string_view text) {
    if (!text.ends_with('d')) return std::nullopt;
    const auto days = parse_count(text.substr(0, text.size() - 1));
    if (!days || *days > 36'500) return std::nullopt;
    return *days * kDayNs;
}

// strptime(3) takes 31 February; mktime(3) makes 3 March of it.
bool is_real(const std::tm& parsed, const std::tm& normal) {
    return parsed.tm_mday == normal.tm_mday && parsed.tm_mon == normal.tm_mon;
}

std::optional<std::time_t> seconds_of(const std::string& text, std::time_t now) {
    const bool utc = text.ends_with('Z');
    const std::string local = text.substr(0, text.size() - (utc ? 1 : 0));
    for (const Format& format : kFormats) {
        std::tm parsed{};
        if (!format.has_date) utc ? gmtime_r(&now, &parsed) : localtime_r(&now, &parsed);
        parsed.tm_hour = parsed.tm_min = parsed.tm_sec = 0;
        const char* end = ::strptime(local.c_str(), format.text, &parsed);
        if (!end || *end) continue;
        parsed.tm_isdst = -1;
        std::tm normal = parsed;
        const std::time_t seconds = utc ? ::timegm(&normal) : std::mktime(&normal);
        if (is_real(parsed, normal)) return seconds;
    }
    return std::nullopt;
}

}  // namespace

Result<std::int64_t> parse_moment(std::string_view option, std::string_view text,
                                  std::int64_t now_ns) {
    const auto ago = parse_time_ns(text);
    if (ago && *ago < static_cast<std::uint64_t>(now_ns))
        return now_ns - static_cast<std::int64_t>(*ago);
    if (const auto days = days_ns(text)) return now_ns - static_cast<std::int64_t>(*days);
    if (text.starts_with('@'))
        if (const auto seconds = parse_count(text.substr(1));
            seconds && *seconds < INT64_MAX / kSecondNs)
            return static_cast<std::int64_t>(*seconds) * kSecondNs;
    if (const auto seconds = seconds_of(std::string(text), now_ns / kSecondNs))
        return *seconds * kSecondNs;
    return fail(fmt::format("option {}: {} is no moment; write how long ago (30m, 2h, 7d), or when "
                            "(2026-11-20, '2026-11-20 09:30', 09:30:15; Z at the end for UTC)",
                            option, in_quotes(text)));
}

}  // namespace brink::app
