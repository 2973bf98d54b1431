// SPDX-License-Identifier: Apache-2.0
#include "output/shared/exposition.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "base/utf8.hpp"

namespace brink::output {
namespace {

void append_escaped(std::string& text, std::string_view value, bool quote) {
    for (const char c : sanitize_utf8(value)) {
        if (c == '\n')
            text += "\\n";
        else if (c == '\\' || (quote && c == '"'))
            text.append({'\\', c});
        else
            text += c;
    }
}

void append_labels(std::string& text, const Labels& labels) {
    text += '{';
    bool first = true;
    for (const auto& [name, value] : labels) {
        if (!first) text += ',';
        first = false;
        text.append(name).append("=\"");
        append_escaped(text, value, true);
        text += '"';
    }
    text += '}';
}

std::string seconds(std::int64_t ns) {
    return fmt::format("{}.{:09}", ns / 1'000'000'000, ns % 1'000'000'000);
}

// Takes the next part of `list` off its front.
std::string_view next_part(std::string_view& list, char separator) {
    const std::size_t at = list.find(separator);
    std::string_view part = list.substr(0, at);
    list.remove_prefix(at == std::string_view::npos ? list.size() : at + 1);
    const std::size_t first = part.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return part.substr(first, part.find_last_not_of(" \t") - first + 1);
}

// The q of the best range that names `type`; -1 where none does.
double quality(std::string_view accept, std::string_view type) {
    double best = -1;
    while (!accept.empty()) {
        std::string_view range = next_part(accept, ',');
        if (next_part(range, ';') != type) continue;
        double q = 1;
        while (!range.empty()) {
            const std::string_view parameter = next_part(range, ';');
            if (parameter.starts_with("q="))
                q = std::strtod(std::string(parameter.substr(2)).c_str(), nullptr);
        }
        best = std::max(best, q);
    }
    return best;
}

}  // namespace

void Exposition::begin(std::string_view name, std::string_view type, std::string_view unit,
                       std::string_view help) {
    counts_ = type == "counter";
    name_ = name;
    if (counts_) name_ += "_total";
    const std::string_view described = open_metrics_ ? name : std::string_view(name_);
    text_ += fmt::format("# HELP {} ", described);
    append_escaped(text_, help, open_metrics_);
    text_ += fmt::format("\n# TYPE {} {}\n", described, type);
    if (open_metrics_ && !unit.empty()) text_ += fmt::format("# UNIT {} {}\n", described, unit);
}

void Exposition::start_sample(const Labels& labels) {
    text_ += name_;
    if (!labels.empty()) append_labels(text_, labels);
}

void Exposition::sample(const Labels& labels, double value) {
    start_sample(labels);
    text_ += fmt::format(" {}\n", value);
}

void Exposition::sample(const Labels& labels, std::uint64_t count, const Exemplar& exemplar) {
    start_sample(labels);
    text_ += fmt::format(" {}", count);
    if (open_metrics_ && exemplar.time_ns != 0) {
        text_ += " # ";
        append_labels(text_, exemplar.labels);
        text_ += fmt::format(" {} {}", exemplar.value, seconds(exemplar.time_ns));
    }
    text_ += '\n';
}

std::string Exposition::finish() {
    if (open_metrics_) text_ += "# EOF\n";
    return std::move(text_);
}

std::string_view Exposition::content_type(bool open_metrics) {
    return open_metrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                        : "text/plain; version=0.0.4; charset=utf-8";
}

bool wants_open_metrics(std::string_view accept) {
    const double open_metrics = quality(accept, "application/openmetrics-text");
    return open_metrics > 0 && open_metrics >= quality(accept, "text/plain");
}

}  // namespace brink::output
