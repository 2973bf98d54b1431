// SPDX-License-Identifier: Apache-2.0
#include "sink/top.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/utf8.hpp"
#include "sink/json.hpp"
#include "sink/limits.hpp"

namespace brink::sink {
namespace {

using resource::Nearest;
using resource::Row;
using resource::Standing;

constexpr std::uint64_t kWorthNamingPermille = 500;
constexpr std::string_view kKeys = "q quit  s order  / filter  Enter details  Esc back  arrows, "
                                   "Page Up, Page Down, Home, End move";

// What else of a subject is above half of its limit.
std::string also(const Standing& standing) {
    std::string text;
    for (std::size_t i = 1; i < standing.rows.size(); ++i) {
        const auto share = resource::permille(standing.rows[i]->reading);
        if (share && *share >= kWorthNamingPermille)
            text += fmt::format("  {} {}%", standing.rows[i]->resource->name, *share / 10);
    }
    return text;
}

std::vector<std::string> table(const std::vector<Standing>& standings, const TopScreen::Name& name,
                               const TextStyle& style) {
    std::vector<Nearest> rows;
    std::vector<std::string> notes;
    for (const Standing& standing : standings) {
        name(*standing.rows.front());
        rows.push_back({standing.rows.front(), 1});
        notes.push_back(also(standing));
    }
    return limits_lines(rows, notes, style);
}

// The first `most`, and how many were left out.
std::size_t cut(std::vector<Standing>& standings, std::size_t most) {
    const std::size_t kept = std::min(standings.size(), most);
    const std::size_t left_out = standings.size() - kept;
    standings.resize(kept);
    return left_out;
}

}  // namespace

void TopScreen::show(resource::Survey survey, const Name& name) {
    survey_ = std::move(survey);
    name_ = name;
    arrange();
}

bool TopScreen::matches(const Standing& standing) const {
    if (filter_.empty()) return true;
    if (standing.rows.front()->subject.name.find(filter_) != std::string::npos) return true;
    return std::any_of(standing.rows.begin(), standing.rows.end(), [&](const Row* row) {
        return row->resource->name.find(filter_) != std::string_view::npos;
    });
}

void TopScreen::arrange() {
    shown_ = resource::by_subject(survey_);
    of_ = shown_.size();
    // Names are read only where they decide: it takes as long as reading the limits.
    if (!filter_.empty() || order_ == Order::name)
        for (const Standing& standing : shown_) name_(*standing.rows.front());
    std::erase_if(shown_, [&](const Standing& standing) { return !matches(standing); });
    const auto word = [&](const Standing& standing) -> std::string_view {
        const Row& row = *standing.rows.front();
        return order_ == Order::name ? std::string_view(row.subject.name) : row.resource->name;
    };
    if (order_ != Order::nearest)
        std::stable_sort(shown_.begin(), shown_.end(),
                         [&](const Standing& a, const Standing& b) { return word(a) < word(b); });
    const auto again = std::find_if(shown_.begin(), shown_.end(), [&](const Standing& standing) {
        return resource::key_of(*standing.rows.front()) == selected_key_;
    });
    if (again != shown_.end()) {
        selected_ = static_cast<std::size_t>(again - shown_.begin());
    } else {
        detail_ = false;  // it is gone
        select(selected_);
    }
}

void TopScreen::select(std::size_t index) {
    selected_ = shown_.empty() ? 0 : std::min(index, shown_.size() - 1);
    selected_key_ = shown_.empty() ? "" : resource::key_of(*shown_[selected_].rows.front());
}

void TopScreen::move(std::ptrdiff_t by) {
    const auto target = static_cast<std::ptrdiff_t>(selected_) + by;
    select(static_cast<std::size_t>(std::max<std::ptrdiff_t>(target, 0)));
}

void TopScreen::press(Key key, char text) {
    const auto page = static_cast<std::ptrdiff_t>(page_);
    switch (key) {
        case Key::text: press_text(text); break;
        case Key::up: move(-1); break;
        case Key::down: move(1); break;
        case Key::page_up: move(-page); break;
        case Key::page_down: move(page); break;
        case Key::home: select(0); break;
        case Key::end: select(shown_.size()); break;
        case Key::erase:
            if (typing_) erase_last();
            arrange();
            break;
        case Key::enter:
            if (!std::exchange(typing_, false) && !shown_.empty() && !std::exchange(detail_, true))
                evidence_.clear();
            break;
        case Key::back:
            if (!detail_) filter_.clear();
            typing_ = detail_ = false;
            arrange();
            break;
    }
}

// One character, of which UTF-8 may have several bytes.
void TopScreen::erase_last() {
    const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80; };
    while (filter_.size() > 1 && continues(filter_.back())) filter_.pop_back();
    if (!filter_.empty()) filter_.pop_back();
}

void TopScreen::press_text(char text) {
    if (static_cast<unsigned char>(text) < 0x20) return;
    if (typing_) {
        filter_ += text;
        arrange();
    } else if (text == 'q') {
        done_ = true;
    } else if (text == '/') {
        typing_ = true;
        detail_ = false;
    } else if (text == 's') {
        order_ = order_ == Order::nearest    ? Order::resource
                 : order_ == Order::resource ? Order::name
                                             : Order::nearest;
        arrange();
    } else if (text == 'j' || text == 'k') {
        move(text == 'j' ? 1 : -1);
    }
}

std::optional<std::int32_t> TopScreen::detail_pid() const {
    if (!detail_ || shown_.empty()) return std::nullopt;
    const Row& row = *shown_[selected_].rows.front();
    if (row.resource->scope != Scope::process) return std::nullopt;
    return row.subject.pid;
}

std::string TopScreen::title() const {
    constexpr std::string_view kOrders[] = {"nearest to their limit first", "by resource",
                                            "by name"};
    std::string text = fmt::format("{} subjects, {}", of_,
                                   kOrders[static_cast<std::size_t>(order_)]);
    if (typing_ || !filter_.empty())
        text += fmt::format("; {} with \"{}{}\"", shown_.size(), terminal_safe(filter_),
                            typing_ ? "_" : "");
    return text;
}

// Only what fits is named and rendered.
std::vector<std::string> TopScreen::list(const TextStyle& style, std::size_t height) {
    page_ = std::max<std::size_t>(height, 1);
    first_ = std::min(first_, selected_);
    if (selected_ >= first_ + page_) first_ = selected_ - page_ + 1;
    const std::size_t end = std::min(first_ + page_, shown_.size());
    const auto at = [&](std::size_t i) { return shown_.begin() + static_cast<std::ptrdiff_t>(i); };
    const std::size_t begin = std::min(first_, end);
    TextStyle narrow = style;
    if (narrow.width > 2) narrow.width -= 2;
    std::vector<std::string> lines = table(std::vector<Standing>(at(begin), at(end)), name_,
                                           narrow);
    if (style.width > 0 && style.width <= 2) return lines;  // no room for a mark
    for (std::size_t i = 0; i < lines.size(); ++i)
        lines[i] = (i > 0 && begin + i - 1 == selected_ ? "> " : "  ") + lines[i];
    return lines;
}

std::vector<std::string> TopScreen::detail(const TextStyle& style) {
    std::vector<Nearest> rows;
    for (Row* row : shown_[selected_].rows) {
        name_(*row);
        rows.push_back({row, 1});
    }
    std::vector<std::string> lines = limits_lines(rows, {}, style);
    lines.emplace_back();
    std::string_view rest = evidence_;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        lines.emplace_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return lines;
}

std::string TopScreen::render(const TextStyle& style, std::size_t height) {
    const auto fit = [&](std::string_view text) {
        return style.width > 0 ? shorten(text, style.width) : std::string(text);
    };
    // A title above, the keys below, the headline of the table between.
    const std::size_t room = height > 3 ? height - 3 : 1;
    std::vector<std::string> lines{fit(title())};
    for (std::string& line : detail_ && !shown_.empty() ? detail(style) : list(style, room))
        lines.push_back(std::move(line));
    if (lines.size() > room + 2) lines.resize(room + 2);
    lines.push_back(paint(style, Tone::faint, fit(kKeys)));
    if (lines.size() > height) lines.resize(std::max<std::size_t>(height, 1));
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    return text;
}

std::string top_table(resource::Survey& survey, const TopScreen::Name& name, std::size_t most,
                      const TextStyle& style) {
    std::vector<Standing> standings = resource::by_subject(survey);
    const std::size_t left_out = cut(standings, most);
    std::string text;
    for (const std::string& line : table(standings, name, style)) text += line + "\n";
    if (left_out) text += fmt::format("and {} more\n", left_out);
    // Who is not there; what this machine does not have is no matter here.
    std::vector<const resource::Remark*> incomplete;
    for (const resource::Remark& remark : survey.remarks)
        if (!remark.nothing) incomplete.push_back(&remark);
    if (!incomplete.empty()) text += "\n";
    return text + remark_lines(incomplete, style);
}

std::string top_json(resource::Survey& survey, const TopScreen::Name& name, std::size_t most,
                     std::int64_t time_ns) {
    std::vector<Standing> standings = resource::by_subject(survey);
    (void)cut(standings, most);
    std::string text;
    for (const Standing& standing : standings) {
        name(*standing.rows.front());
        auto object = limits_object({standing.rows.front(), 1});
        for (std::size_t i = 1; i < standing.rows.size(); ++i) {
            auto other = limits_object({standing.rows[i], 1});
            for (const char* same : {"scope", "pid", "comm", "uid", "cgroup", "target"})
                other.erase(same);
            object["others"].push_back(std::move(other));
        }
        object["time"] = utc_time(time_ns);
        text += object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) +
                "\n";
    }
    return text;
}

}  // namespace brink::sink
