// SPDX-License-Identifier: Apache-2.0
#include "range.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>

#include "base/utf8.hpp"

namespace brink::check {
namespace {

std::optional<double> number(std::string_view text) {
    double value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
    if (error != std::errc() || stop != end || !std::isfinite(value)) return std::nullopt;
    return value;
}

}  // namespace

Result<Range> parse_range(std::string_view text) {
    Range range;
    range.text = text;
    std::string_view rest = text;
    if (rest.starts_with('@')) {
        range.inside = true;
        rest.remove_prefix(1);
    }
    const std::size_t colon = rest.find(':');
    const std::string_view high = colon == std::string_view::npos ? rest : rest.substr(colon + 1);
    std::optional<double> from = 0;
    if (colon != std::string_view::npos)
        from = rest.substr(0, colon) == "~" ? -std::numeric_limits<double>::infinity()
                                            : number(rest.substr(0, colon));
    const bool open = high.empty() && colon != std::string_view::npos;
    const auto to = open ? range.high : number(high);
    if (!from || !to)
        return fail(
            fmt::format("{} is no range; write, for example, 80 (alert above 80), 10: (below 10), "
                        "10:20 (outside), @10:20 (within)",
                        in_quotes(text)),
            EINVAL);
    range.low = *from;
    range.high = *to;
    if (range.low > range.high)
        return fail(fmt::format("{} is no range: it begins above its end", in_quotes(text)),
                    EINVAL);
    return range;
}

}  // namespace brink::check
