// SPDX-License-Identifier: Apache-2.0
#include "sink/latency_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <vector>

#include "base/units.hpp"
#include "base/utf8.hpp"
#include "sink/text.hpp"

namespace brink::sink {
namespace {

using latency::Histogram;
using latency::kPhases;
using latency::Report;
using latency::ThreadReport;
using latency::WorstSample;

constexpr std::size_t kNumberWidth = 8;
constexpr std::size_t kMostRows = 24;
constexpr std::size_t kPlainWidth = 80;
constexpr std::size_t kMostItems = 6;

std::string time_text(std::uint64_t ns) { return format_quantity(ns, Unit::time_ns); }

// The seven numbers that stand for a distribution.
std::string numbers(const Histogram& histogram) {
    std::string text;
    const std::array values{histogram.min(),          static_cast<std::uint64_t>(histogram.mean()),
                            histogram.percentile(50), histogram.percentile(90),
                            histogram.percentile(99), histogram.percentile(99.9),
                            histogram.max()};
    for (const std::uint64_t value : values)
        text += fmt::format("{:>{}}", histogram.count() ? time_text(value) : "-", kNumberWidth);
    return text;
}

std::string headline(std::string_view first) {
    std::string text(first);
    for (const char* name : {"MIN", "AVG", "50%", "90%", "99%", "99.9%", "MAX"})
        text += fmt::format("{:>{}}", name, kNumberWidth);
    return text;
}

std::string thread_line(std::string_view name, std::string_view cpu, const ThreadReport& thread) {
    std::string line = fmt::format("{:<12} {:>3} {:>9}{}", name, cpu, thread.whole.count(),
                                   numbers(thread.whole));
    if (thread.overruns)
        line += fmt::format("  {} overrun{}", thread.overruns, thread.overruns == 1 ? "" : "s");
    return line + "\n";
}

std::string thread_table(const Report& report, const ThreadReport& total, const TextStyle& style) {
    std::string text = paint(style, Tone::strong, headline("THREAD       CPU   SAMPLES")) + "\n";
    for (std::size_t i = 0; i < report.threads.size(); ++i) {
        const ThreadReport& thread = report.threads[i];
        text += thread_line(fmt::format("latency-{}", i),
                            thread.plan.cpu ? std::to_string(*thread.plan.cpu) : "any", thread);
    }
    if (report.threads.size() > 1) text += thread_line("all", "", total);
    return text;
}

// Those without parts are not in the table of parts, however late they were.
std::string unmatched_text(const Report& report, std::uint64_t unmatched) {
    const auto latest = std::ranges::count_if(report.worst, [](const WorstSample& sample) {
        return !sample.matched;
    });
    std::string text = fmt::format("of {} sample{} the parts are not known", unmatched,
                                   unmatched == 1 ? "" : "s");
    if (latest > 0)
        text += fmt::format("; {} of the latest below {} among them", latest,
                            latest == 1 ? "is" : "are");
    return text;
}

std::string part_table(const Report& report, const ThreadReport& total, const TextStyle& style) {
    std::string text = "\n" + paint(style, Tone::strong, headline("PART                      ")) +
                       "\n";
    for (std::size_t i = 0; i < kPhases; ++i)
        text += fmt::format("{:<26}{}\n", latency::kPhaseNames[i], numbers(total.phases[i]));
    if (total.unmatched)
        text += paint(style, Tone::warning, unmatched_text(report, total.unmatched)) + "\n";
    return text;
}

// "irq_dispatch 3us + handler 1us + …", the largest painted.
std::string sum_text(const WorstSample& sample, const TextStyle& style) {
    const auto& part = sample.parts.part;
    const auto largest = static_cast<std::size_t>(std::max_element(part.begin(), part.end()) -
                                                  part.begin());
    std::vector<std::string> terms;
    for (std::size_t i = 0; i < kPhases; ++i)
        terms.push_back(paint(style, i == largest ? Tone::alarm : Tone::plain,
                              fmt::format("{} {}", latency::kPhaseNames[i], time_text(part[i]))));
    return fmt::format("{}", fmt::join(terms, " + "));
}

std::string worst_block(const Report& report, const TextStyle& style) {
    if (report.worst.empty()) return "";
    std::string text = "\n" + paint(style, Tone::strong, "THE LATEST WAKE-UPS") + "\n";
    for (const WorstSample& sample : report.worst) {
        text += fmt::format("{:>8}  {}  latency-{}: ", time_text(sample.parts.whole),
                            paint(style, Tone::faint,
                                  local_time(report.realtime_of(sample.wakeup.expiry))),
                            sample.thread);
        text += (sample.matched ? sum_text(sample, style) : "its parts are not known") + "\n";
        for (const Culprit& ran : sample.ran)
            text += "          " + culprit_line(ran, kMostItems) + "\n";
    }
    return text;
}

// Ranges that begin where steps of the histogram do: 8, 4, 2 or 1 of each power of two, as many as there is room for.
struct Ranges {
    std::uint64_t per_power = 8;

    // The end of the range that begins at `from`.
    [[nodiscard]] std::uint64_t end(std::uint64_t from) const {
        return from + std::max<std::uint64_t>(std::bit_floor(from) / per_power, 1);
    }
    // The beginning of the range that `ns` lies in.
    [[nodiscard]] std::uint64_t begin(std::uint64_t ns) const {
        const std::uint64_t step = std::max<std::uint64_t>(std::bit_floor(ns) / per_power, 1);
        return ns / step * step;
    }
    [[nodiscard]] std::size_t count(std::uint64_t from, std::uint64_t to) const {
        std::size_t n = 0;
        for (std::uint64_t at = begin(from); at < to; at = end(at)) ++n;
        return n;
    }
};

struct Row {
    std::string label;
    std::uint64_t count;
};

std::vector<Row> rows_of(const Histogram& whole, std::uint64_t up_to_ns) {
    const std::uint64_t end = up_to_ns ? std::min(up_to_ns, whole.max() + 1) : whole.max() + 1;
    const std::uint64_t first = std::max<std::uint64_t>(whole.min(), 1);
    Ranges ranges;
    while (ranges.per_power > 1 && ranges.count(first, end) > kMostRows) ranges.per_power /= 2;
    std::vector<Row> rows;
    std::uint64_t seen = 0;
    for (std::uint64_t at = ranges.begin(first); at < end; at = ranges.end(at)) {
        const std::uint64_t n = whole.between(rows.empty() ? 0 : at, ranges.end(at));
        rows.push_back({time_text(at), n});
        seen += n;
    }
    if (seen < whole.count()) rows.push_back({"beyond", whole.count() - seen});
    return rows;
}

std::string bar(double share, std::size_t width, const TextStyle& style) {
    const auto eighths = static_cast<std::size_t>(
        std::lround(share * 8 * static_cast<double>(width)));
    if (!style.unicode) return std::string((eighths + 7) / 8, '#');
    static constexpr std::array<std::string_view, 8> kEnds{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    std::string text;
    for (std::size_t i = 0; i < eighths / 8; ++i) text += "█";
    return text.append(kEnds[eighths % 8]);
}

}  // namespace

std::string policy_text(int policy, int priority) {
    switch (policy) {
        case SCHED_FIFO: return fmt::format("fifo {}", priority);
        case SCHED_RR: return fmt::format("rr {}", priority);
        case SCHED_BATCH: return "batch";
        case SCHED_IDLE: return "idle";
        default: return "other";
    }
}

std::string culprit_line(const Culprit& culprit, std::size_t most) {
    std::vector<std::string> terms;
    for (const CulpritItem& item : culprit.items) {
        if (terms.size() == most) break;
        std::string name = item.kind == "task" ? "" : item.kind;
        if (item.id && item.kind == "irq") name += fmt::format(" {}", *item.id);
        if (!item.name.empty()) name += (name.empty() ? "" : " ") + terminal_safe(item.name);
        if (item.id && item.kind == "task") name += fmt::format("[{}]", *item.id);
        name += " " + time_text(item.ns);
        if (item.count > 1) name += fmt::format(" ({} times)", item.count);
        terms.push_back(std::move(name));
    }
    const std::size_t left = culprit.items.size() - terms.size();
    if (left) terms.push_back(fmt::format("{} more", left));
    return fmt::format("cpu {}: {}", culprit.cpu, fmt::join(terms, ", "));
}

std::string latency_tables(const Report& report, const TextStyle& style) {
    const ThreadReport total = report.total();
    std::string text = thread_table(report, total, style);
    if (report.has_parts) text += part_table(report, total, style);
    return text + worst_block(report, style);
}

std::string latency_plot(const Histogram& whole, std::uint64_t up_to_ns, const TextStyle& style) {
    if (whole.count() == 0) return "";
    const std::vector<Row> rows = rows_of(whole, up_to_ns);
    std::uint64_t most = 1;
    for (const Row& row : rows) most = std::max(most, row.count);
    constexpr std::size_t kBefore = 8 + 1 + 10 + 2;
    const std::size_t room = (style.width ? style.width : kPlainWidth) - kBefore;
    std::string text = paint(style, Tone::strong, "    FROM    SAMPLES  LOGARITHM") + "\n";
    for (const Row& row : rows) {
        const double share = row.count ? std::log2(1.0 + static_cast<double>(row.count)) /
                                             std::log2(1.0 + static_cast<double>(most))
                                       : 0;
        text += fmt::format("{:>8} {:>10}  ", row.label, row.count) +
                paint(style, Tone::note, bar(share, std::min<std::size_t>(room, 60), style)) + "\n";
    }
    return text;
}

}  // namespace brink::sink
