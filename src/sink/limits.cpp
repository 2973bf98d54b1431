// SPDX-License-Identifier: Apache-2.0
#include "sink/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/units.hpp"
#include "base/utf8.hpp"
#include "sink/json.hpp"

namespace brink::sink {
namespace {

using nlohmann::ordered_json;
using resource::kUnlimited;
using resource::Nearest;
using resource::Reading;
using resource::Remark;
using resource::Row;

constexpr std::uint64_t kNearPermille = 800;
constexpr std::uint64_t kClosePermille = 900;

struct Cells {
    std::string resource, usage, limit, headroom, percent, engine, subject;
    Tone tone = Tone::plain;
};

std::string headroom(const Reading& reading, Unit unit) {
    if (reading.usage > reading.limit)
        return "-" + format_quantity(reading.usage - reading.limit, unit);
    return format_quantity(reading.limit - reading.usage, unit);
}

std::string percent(std::uint64_t permille) {
    return fmt::format("{}.{}", permille / 10, permille % 10);
}

Cells cells_of(const Nearest& nearest) {
    const Row& row = *nearest.row;
    const Unit unit = row.resource->unit;
    Cells cells{.resource = std::string(row.resource->name),
                .usage = format_quantity(row.reading.usage, unit),
                .limit = "-",
                .headroom = "-",
                .percent = "-",
                .engine = std::string(row.subject.engine),
                .subject = terminal_safe(row.subject.name)};
    if (const auto share = resource::permille(row.reading)) {
        cells.limit = format_quantity(row.reading.limit, unit);
        cells.headroom = headroom(row.reading, unit);
        cells.percent = percent(*share);
        if (*share >= kNearPermille)
            cells.tone = *share >= kClosePermille ? Tone::alarm : Tone::warning;
    }
    if (nearest.of > 1) cells.subject += fmt::format(", of {}", nearest.of);
    return cells;
}

constexpr std::string_view kGap = "  ";
constexpr std::size_t kSubjectRoom = 20;

// The columns: the width of the widest cell each.
struct Widths {
    std::size_t resource = 0, usage = 0, limit = 0, headroom = 0, percent = 0, engine = 0;

    // On a narrow screen whose limit it is matters more than what can be worked out, or looked up: columns go, one after
    // the other, until `most` leaves some room for the subject. A column of width 0 is none.
    void narrow(std::size_t most) {
        for (std::size_t* column : {&engine, &headroom, &limit})
            if (before_subject() + kSubjectRoom > most) *column = 0;
    }

    [[nodiscard]] std::size_t before_subject() const {
        std::size_t sum = 0;
        for (const std::size_t column : {resource, usage, limit, headroom, percent, engine})
            if (column) sum += column + kGap.size();
        return sum;
    }

    void fit(const Cells& cells) {
        resource = std::max(resource, cells.resource.size());
        usage = std::max(usage, cells.usage.size());
        limit = std::max(limit, cells.limit.size());
        headroom = std::max(headroom, cells.headroom.size());
        percent = std::max(percent, cells.percent.size());
        engine = std::max(engine, cells.engine.size());
    }
};

std::string line_of(const Cells& cells, const Widths& widths, const TextStyle& style) {
    std::string line;
    const auto add_column = [&line](const char* format, const std::string& text,
                                    std::size_t width) {
        if (width) line.append(fmt::format(fmt::runtime(format), text, width)).append(kGap);
    };
    add_column("{:<{}}", cells.resource, widths.resource);
    add_column("{:>{}}", cells.usage, widths.usage);
    add_column("{:>{}}", cells.limit, widths.limit);
    add_column("{:>{}}", cells.headroom, widths.headroom);
    add_column("{:>{}}", cells.percent, widths.percent);
    add_column("{:<{}}", cells.engine, widths.engine);
    line += cells.subject;
    if (style.width > 0) line = shorten(line, style.width);
    return paint(style, cells.tone, line);
}

std::string remark_line(const Remark& remark, const TextStyle& style) {
    std::string line = fmt::format("{}{}: {}", remark.resource->name,
                                   remark.nothing ? "" : ", not all", terminal_safe(remark.text));
    if (style.width > 0) line = shorten(line, style.width);
    return paint(style, Tone::faint, line) + "\n";
}

// Fields that do not apply are left out.
void add(ordered_json& object, const char* name, const std::string& text) {
    if (!text.empty()) object[name] = sanitize_utf8(text);
}

}  // namespace

ordered_json limits_object(const Nearest& nearest) {
    const Row& row = *nearest.row;
    const Reading& reading = row.reading;
    ordered_json object{{"resource", row.resource->name},
                        {"scope", scope_name(resource::scope_of(*row.resource, row.subject))},
                        {"usage", reading.usage},
                        {"limit", nullptr}};
    if (const auto share = resource::permille(reading)) {
        object["limit"] = reading.limit;
        if (reading.limit_hard != kUnlimited) object["limit_hard"] = reading.limit_hard;
        if (reading.usage <= reading.limit)
            object["headroom"] = reading.limit - reading.usage;
        else
            object["headroom"] = -static_cast<std::int64_t>(reading.usage - reading.limit);
        object["percent"] = static_cast<double>(*share) / 10;
    }
    object["unit"] = unit_code(row.resource->unit);
    if (row.subject.pid) object["pid"] = *row.subject.pid;
    add(object, "comm", row.subject.comm);
    if (row.subject.uid) object["uid"] = *row.subject.uid;
    if (row.subject.user_namespace) object["user_namespace"] = row.subject.user_namespace;
    add(object, "cgroup", row.subject.cgroup);
    add(object, "target", row.subject.target);
    if (nearest.of > 1) object["of"] = nearest.of;
    object["engine"] = row.subject.engine;
    return object;
}

std::vector<std::string> limits_lines(const std::vector<Nearest>& rows,
                                      const std::vector<std::string>& notes,
                                      const TextStyle& style) {
    const Cells head{"RESOURCE", "USAGE",  "LIMIT",   "HEADROOM",
                     "%",        "ENGINE", "SUBJECT", Tone::strong};
    std::vector<Cells> all;
    Widths widths;
    widths.fit(head);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        widths.fit(all.emplace_back(cells_of(rows[i])));
        if (!notes.empty()) all.back().subject += notes[i];
    }
    if (style.width > 0) widths.narrow(style.width);
    std::vector<std::string> lines{line_of(head, widths, style)};
    for (const Cells& cells : all) lines.push_back(line_of(cells, widths, style));
    return lines;
}

std::string remark_lines(const std::vector<const Remark*>& remarks, const TextStyle& style) {
    std::string text;
    for (const Remark* remark : remarks) text += remark_line(*remark, style);
    return text;
}

std::string limits_table(const LimitsView& view, const TextStyle& style) {
    std::string text;
    for (const std::string& line : limits_lines(view.rows, {}, style)) text += line + "\n";
    if (view.left_out) text += fmt::format("and {} more\n", view.left_out);
    if (!view.remarks.empty()) text += "\n";
    return text + remark_lines(view.remarks, style);
}

std::string limits_json(const LimitsView& view, std::int64_t time_ns) {
    const auto line = [&](ordered_json object) {
        object["time"] = utc_time(time_ns);
        return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
    };
    std::string text;
    for (const Nearest& nearest : view.rows) text += line(limits_object(nearest));
    for (const Remark* remark : view.remarks)
        text += line(
            {{"resource", remark->resource->name},
             {remark->nothing ? "unavailable" : "incomplete", sanitize_utf8(remark->text)}});
    return text;
}

}  // namespace brink::sink
