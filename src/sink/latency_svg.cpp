// SPDX-License-Identifier: Apache-2.0
#include "sink/latency_svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <vector>

#include "base/units.hpp"
#include "base/utf8.hpp"

namespace brink::sink {
namespace {

using latency::Histogram;
using latency::kPhases;

// The plot's place on the sheet.
constexpr double kLeft = 70, kTop = 50, kWidth = 800, kHeight = 320;
constexpr double kSheetWidth = 900, kSheetHeight = 470;
constexpr std::size_t kColumns = 160;  // of the plot, into which samples are put together
constexpr std::string_view kWholeColour = "#9aa5b1";
constexpr std::array<std::string_view, kPhases> kColours{"#c0392b", "#e67e22", "#2471a3",
                                                         "#1e8449"};

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : terminal_safe(text)) {
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else
            out += c;
    }
    return out;
}

// From values to places; both axes by their logarithms.
class Axes {
  public:
    Axes(std::uint64_t min, std::uint64_t max, std::uint64_t most)
        : low_(std::floor(std::log10(static_cast<double>(std::max<std::uint64_t>(min, 1))))),
          high_(std::ceil(std::log10(static_cast<double>(std::max<std::uint64_t>(max, 1)) + 1))),
          tall_(std::ceil(std::log10(static_cast<double>(std::max<std::uint64_t>(most, 1)) + 1))) {}

    [[nodiscard]] double x(double ns) const {
        return kLeft + kWidth * (std::log10(std::max(ns, 1.0)) - low_) / (high_ - low_);
    }
    // The lowest tenth is between none and one.
    [[nodiscard]] double y(double count) const {
        const double share = count < 1 ? 0 : 0.1 + 0.9 * std::log10(count) / tall_;
        return kTop + kHeight * (1 - share);
    }
    [[nodiscard]] int first_decade() const { return static_cast<int>(low_); }
    [[nodiscard]] int last_decade() const { return static_cast<int>(high_); }
    [[nodiscard]] int count_decades() const { return static_cast<int>(tall_); }
    [[nodiscard]] std::size_t column(double ns) const {
        const double at = (x(ns) - kLeft) / kWidth * static_cast<double>(kColumns);
        return static_cast<std::size_t>(std::clamp(at, 0.0, static_cast<double>(kColumns) - 1));
    }

  private:
    double low_, high_, tall_;
};

using Columns = std::array<std::uint64_t, kColumns>;

Columns columns_of(const Histogram& histogram, const Axes& axes) {
    Columns columns{};
    for (const Histogram::Step& step : histogram.steps())
        columns[axes.column(static_cast<double>(step.from))] += step.count;
    return columns;
}

// The outline of the columns, from left to right.
std::string outline(const Columns& columns, const Axes& axes) {
    std::string points;
    const double width = kWidth / static_cast<double>(kColumns);
    for (std::size_t i = 0; i < kColumns; ++i) {
        const double left = kLeft + width * static_cast<double>(i);
        const double y = axes.y(static_cast<double>(columns[i]));
        fmt::format_to(std::back_inserter(points), "{:.1f},{:.1f} {:.1f},{:.1f} ", left, y,
                       left + width, y);
    }
    return points;
}

void add_grid(std::string& out, const Axes& axes) {
    for (int decade = axes.first_decade(); decade <= axes.last_decade(); ++decade) {
        const double ns = std::pow(10.0, decade), x = axes.x(ns);
        out +=
            fmt::format("<line x1=\"{0:.1f}\" y1=\"{1}\" x2=\"{0:.1f}\" y2=\"{2}\" class=\"g\"/>\n"
                        "<text x=\"{0:.1f}\" y=\"{3}\" text-anchor=\"middle\">{4}</text>\n",
                        x, kTop, kTop + kHeight, kTop + kHeight + 18,
                        format_quantity(static_cast<std::uint64_t>(ns), Unit::time_ns));
    }
    for (int decade = 0; decade <= axes.count_decades(); ++decade) {
        const double count = std::pow(10.0, decade), y = axes.y(count);
        out +=
            fmt::format("<line x1=\"{1}\" y1=\"{0:.1f}\" x2=\"{2}\" y2=\"{0:.1f}\" class=\"g\"/>\n"
                        "<text x=\"{3}\" y=\"{4:.1f}\" text-anchor=\"end\">{5:.0f}</text>\n",
                        y, kLeft, kLeft + kWidth, kLeft - 8, y + 4, count);
    }
}

void add_legend(std::string& out, std::size_t place, std::string_view name, std::string_view colour,
                const Histogram& values) {
    const double x = kLeft + static_cast<double>(place) * kWidth / (kPhases + 1);
    const auto time = [](std::uint64_t ns) { return format_quantity(ns, Unit::time_ns); };
    out += fmt::format("<rect x=\"{0:.1f}\" y=\"{1}\" width=\"12\" height=\"12\" fill=\"{2}\"/>\n"
                       "<text x=\"{3:.1f}\" y=\"{4}\">{5}</text>\n"
                       "<text x=\"{3:.1f}\" y=\"{6}\">50% {7}, max {8}</text>\n",
                       x, kTop + kHeight + 42, colour, x + 18, kTop + kHeight + 52, name,
                       kTop + kHeight + 70, time(values.percentile(50)), time(values.max()));
}

}  // namespace

std::string latency_svg(const latency::Report& report, const std::string& title) {
    const latency::ThreadReport total = report.total();
    std::uint64_t least = total.whole.min();
    if (report.has_parts)
        for (const Histogram& phase : total.phases)
            if (phase.count()) least = std::min(least, std::max<std::uint64_t>(phase.min(), 10));
    const Axes axes(least, total.whole.max(), total.whole.count());
    std::string out = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
        "height=\"{1}\">\n<style>text{{font:12px sans-serif;fill:#333}}"
        ".g{{stroke:#ddd}}</style>\n"
        "<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n"
        "<text x=\"{2}\" y=\"28\" style=\"font-size:15px\">{3}</text>\n",
        kSheetWidth, kSheetHeight, kLeft, escaped(title));
    add_grid(out, axes);
    out +=
        fmt::format("<polygon points=\"{0},{1} {2}{3},{1}\" fill=\"{4}\" fill-opacity=\"0.5\"/>\n",
                    kLeft, kTop + kHeight, outline(columns_of(total.whole, axes), axes),
                    kLeft + kWidth, kWholeColour);
    add_legend(out, 0, "latency", kWholeColour, total.whole);
    for (std::size_t i = 0; report.has_parts && i < kPhases; ++i) {
        out += fmt::format(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\"/>\n",
            outline(columns_of(total.phases[i], axes), axes), kColours[i]);
        add_legend(out, i + 1, latency::kPhaseNames[i], kColours[i], total.phases[i]);
    }
    return out + "</svg>\n";
}

}  // namespace brink::sink
