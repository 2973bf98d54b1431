// SPDX-License-Identifier: Apache-2.0
// Evidence for people: the sum by kind, the largest targets, and who made the last one.
#include "sink/text_evidence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "base/utf8.hpp"

namespace brink::sink {
namespace {

constexpr std::size_t kMostTargets = 8;
constexpr std::size_t kMostFrames = 12;
constexpr std::size_t kWidestFunction = 40;

using KindCount = std::pair<std::string, std::uint64_t>;

std::vector<KindCount> count_by_kind(const Evidence& evidence) {
    std::map<std::string, std::uint64_t> sums;
    for (const EvidenceItem& item : evidence.items) sums[item.kind] += item.count;
    std::vector<KindCount> kinds(sums.begin(), sums.end());
    std::stable_sort(kinds.begin(), kinds.end(),
                     [](const KindCount& a, const KindCount& b) { return a.second > b.second; });
    if (evidence.omitted > 0) kinds.emplace_back("other", evidence.omitted);
    return kinds;
}

// Writes the lines of the block: each behind the same margin.
class Block {
  public:
    Block(const TextStyle& style, std::size_t indent)
        : style_(style), margin_(std::string(indent, ' ')), used_(indent + 2) {
        margin_ += paint(style, Tone::faint, style.unicode ? "│" : "|") + " ";
    }

    void line(std::string_view text) { out_.append(margin_).append(text).append("\n"); }

    /// Cuts `text` to what is left of the width behind `taken` columns.
    [[nodiscard]] std::string fit(std::string_view text, std::size_t taken) const {
        const std::string safe = terminal_safe(text);
        if (style_.width == 0) return safe;
        const std::size_t before = used_ + taken;
        const std::size_t room = style_.width > before + 8 ? style_.width - before : 8;
        return shorten(safe, room, style_.unicode ? "…" : "...");
    }

    [[nodiscard]] std::string take() { return std::move(out_); }

  private:
    const TextStyle& style_;
    std::string margin_;
    std::size_t used_;
    std::string out_;
};

void write_sum(Block& block, const Evidence& evidence, const TextStyle& style) {
    std::string sum;
    for (const auto& [kind, count] : count_by_kind(evidence))
        sum += fmt::format("{}{} {}", sum.empty() ? " = " : " + ", count, terminal_safe(kind));
    const std::string total = std::to_string(evidence.total);
    block.line(paint(style, Tone::strong, total) + block.fit(sum, total.size()));
}

void write_targets(Block& block, const Evidence& evidence, const TextStyle& style) {
    std::vector<const EvidenceItem*> items;
    for (const EvidenceItem& item : evidence.items) items.push_back(&item);
    std::stable_sort(items.begin(), items.end(), [](const EvidenceItem* a, const EvidenceItem* b) {
        return a->count > b->count;
    });
    const std::size_t shown = std::min(items.size(), kMostTargets);
    std::size_t kind_width = 0;
    for (std::size_t i = 0; i < shown; ++i)
        kind_width = std::max(kind_width, columns(terminal_safe(items[i]->kind)));
    const std::size_t count_width = std::max<std::size_t>(std::to_string(evidence.total).size(), 3);

    std::uint64_t rest = evidence.omitted;
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (i >= shown) {
            rest += items[i]->count;
            continue;
        }
        const std::string kind = terminal_safe(items[i]->kind);
        std::string line = fmt::format("  {:>{}}  {}", items[i]->count, count_width,
                                       paint(style, Tone::note, kind));
        if (!items[i]->target.empty())
            line += std::string(kind_width - columns(kind) + 2, ' ') +
                    block.fit(items[i]->target, count_width + kind_width + 6);
        block.line(line);
    }
    if (rest > 0)
        block.line(paint(style, Tone::faint, fmt::format("  {:>{}}  others", rest, count_width)));
}

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string name_of(const StackFrame& frame) {
    if (frame.function.empty()) return "?";
    return frame.source.empty() ? fmt::format("{}+0x{:x}", frame.function, frame.offset)
                                : frame.function;
}

std::string place_of(const StackFrame& frame) {
    if (!frame.source.empty()) return frame.source;
    if (frame.module.empty()) return fmt::format("0x{:x}", frame.address);
    const std::string_view module = base_name(frame.module);
    return frame.function.empty() ? fmt::format("{}+0x{:x}", module, frame.offset)
                                  : std::string(module);
}

void write_stack(Block& block, const Evidence& evidence, const TextStyle& style) {
    if (evidence.stack.empty()) return;
    const std::size_t shown = std::min(evidence.stack.size(), kMostFrames);
    std::vector<std::string> functions;
    std::size_t width = 0;
    for (std::size_t i = 0; i < shown; ++i) {
        functions.push_back(shorten(terminal_safe(name_of(evidence.stack[i])), kWidestFunction,
                                    style.unicode ? "…" : "..."));
        width = std::max(width, columns(functions.back()));
    }
    for (std::size_t i = 0; i < shown; ++i) {
        const std::string place = block.fit(place_of(evidence.stack[i]), width + 6);
        block.line(fmt::format("{}  {:<{}}  {}", i == 0 ? "at" : "  ", functions[i], width,
                               paint(style, Tone::faint, place)));
    }
    if (shown < evidence.stack.size())
        block.line(paint(style, Tone::faint,
                         fmt::format("    and {} frames more", evidence.stack.size() - shown)));
}

}  // namespace

std::string evidence_block(const Evidence& evidence, const TextStyle& style, std::size_t indent) {
    Block block(style, indent);
    if (evidence.total > 0 || !evidence.items.empty()) {
        write_sum(block, evidence, style);
        write_targets(block, evidence, style);
    }
    write_stack(block, evidence, style);
    if (!evidence.unavailable.empty())
        block.line(paint(style, Tone::faint, "not available: ") +
                   block.fit(evidence.unavailable, 15));
    return block.take();
}

}  // namespace brink::sink
