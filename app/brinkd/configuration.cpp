// SPDX-License-Identifier: Apache-2.0
// The files of the configuration, their tables, and what the parser has to say of malformed ones.
#include "configuration.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <toml.hpp>
#include <tuple>
#include <utility>

#include "base/units.hpp"
#include "base/utf8.hpp"
#include "broker/shared_source.hpp"
#include "rule_reader.hpp"
#include "time_text.hpp"
#include "toml_section.hpp"

namespace brink::app {
namespace {

constexpr std::uintmax_t kMostBytes = 1 << 20;
constexpr std::size_t kMostRules = 256;
constexpr std::uint64_t kLeastHistory = 1 << 20;
constexpr std::uint64_t kLeastQueue = 4096;
constexpr std::uint64_t kMostQueue = 1ULL << 40;

// The library's message is a drawing of several lines: the first says what, and behind the caret stands what was expected.
Problem problem_of(const toml::syntax_error& error, const std::string& file) {
    const std::string drawing = error.what();
    std::string what = drawing.substr(0, drawing.find('\n'));
    if (const std::size_t colon = what.find(": "); colon != std::string::npos)
        what.erase(0, colon + 2);
    if (what.ends_with('.')) what.pop_back();
    Problem problem{file, static_cast<unsigned>(error.location().line()),
                    static_cast<unsigned>(error.location().column()), what};
    const std::size_t caret = drawing.rfind("^---");
    if (caret == std::string::npos) return problem;
    const std::size_t line = drawing.rfind('\n', caret) + 1;
    const std::size_t margin = drawing.find("| ", line);
    const std::size_t above = drawing.rfind('\n', line - 2) + 1;
    if (margin >= caret) return problem;
    problem.column = static_cast<unsigned>(caret - margin - 1);
    problem.line = static_cast<unsigned>(std::strtoul(drawing.c_str() + above, nullptr, 10));
    const std::string right = drawing.substr(caret + 5, drawing.find('\n', caret) - caret - 5);
    if (!right.empty() && right != "here") problem.message += ": " + right;
    return problem;
}

Result<std::string> absolute_path(const std::string& text) {
    if (text.starts_with('/')) return text;
    return fail(fmt::format("{} is no absolute path; write it from the root", in_quotes(text)));
}

Result<std::uint64_t> history_size(const std::string& text) {
    const auto bytes = parse_bytes(text);
    if (!bytes || *bytes >= kLeastHistory) return bytes;
    return fail(fmt::format("{} is too small; write at least 1M", in_quotes(text)));
}

Result<std::uint64_t> queue_size(const std::string& text) {
    const auto bytes = parse_bytes(text);
    if (!bytes || (*bytes >= kLeastQueue && *bytes <= kMostQueue)) return bytes;
    return fail(fmt::format("{} is out of range; write 4K to 1T", in_quotes(text)));
}

class Reader {
  public:
    void read(const std::string& file);
    [[nodiscard]] tl::expected<Configuration, Problems> take();

  private:
    void read_tables(const toml::value& root);
    void read_daemon(Section section);
    void read_quotas(Section section);
    void read_history(Section section);
    void read_rules(const toml::value& rules);
    void add_rule(Rule rule, Section& section);

    Configuration configuration_;
    Problems problems_;
};

void Reader::read(const std::string& file) {
    std::error_code error;
    const auto bytes = std::filesystem::file_size(file, error);
    std::ifstream stream(file, std::ios::binary);
    if (error || !stream) {
        problems_.push_back({file, 0, 0, error ? error.message() : std::strerror(errno)});
        return;
    }
    if (bytes > kMostBytes) {
        problems_.push_back(
            {file, 0, 0, fmt::format("it has {} bytes; at most {} are read", bytes, kMostBytes)});
        return;
    }
    configuration_.files.push_back(file);
    const auto first = static_cast<std::ptrdiff_t>(problems_.size());
    try {
        read_tables(toml::parse(stream, file));
    } catch (const toml::syntax_error& syntax) {
        problems_.push_back(problem_of(syntax, file));
    } catch (const std::exception& other) {
        problems_.push_back({file, 0, 0, sanitize_utf8(other.what())});
    }
    std::stable_sort(problems_.begin() + first, problems_.end(),
                     [](const Problem& a, const Problem& b) {
                         return std::tie(a.line, a.column) < std::tie(b.line, b.column);
                     });
}

void Reader::read_tables(const toml::value& root) {
    Section section(root, "the file", problems_);
    const auto table = [&](const char* key, std::string_view name, auto read) {
        if (!section.has(key)) return;
        const toml::value& value = root.as_table().at(key);
        if (value.is_table())
            read(Section(value, std::string(name), problems_));
        else
            section.complain(value.location(), fmt::format("{} is no table; write {}", key, name));
    };
    table("daemon", "[daemon]", [this](Section part) { read_daemon(std::move(part)); });
    table("quotas", "[quotas]", [this](Section part) { read_quotas(std::move(part)); });
    table("history", "[history]", [this](Section part) { read_history(std::move(part)); });
    if (section.has("rule")) read_rules(root.as_table().at("rule"));
    section.complain_of_unknown();
}

void Reader::read_daemon(Section section) {
    broker::SourceOptions& to = configuration_.source;
    to.engine = section.parsed("engine", broker::parse_engine_wish).value_or(to.engine);
    const auto number = [&](const char* key, std::uint64_t most, std::uint32_t& value) {
        if (const auto given = section.number(key, 1, most))
            value = static_cast<std::uint32_t>(*given);
    };
    number("max_subjects", 1 << 20, to.max_subjects);
    number("max_watches", BRINK_MAX_WATCHES, to.max_watches);
    number("max_clients", 65535, to.max_clients);
    section.complain_of_unknown();
}

void Reader::read_quotas(Section section) {
    broker::Quotas& to = configuration_.quotas;
    to.clients = section.number("clients", 1, 65535).value_or(to.clients);
    to.watches = section.number("watches", 1, BRINK_MAX_WATCHES).value_or(to.watches);
    to.levels = section.number("levels", 1, 1 << 20).value_or(to.levels);
    to.subjects = section.number("subjects", 1, 1 << 20).value_or(to.subjects);
    to.queue_bytes = section.parsed("queue", queue_size).value_or(to.queue_bytes);
    section.complain_of_unknown();
}

void Reader::read_history(Section section) {
    store::HistoryOptions& to = configuration_.history;
    configuration_.keep_history = section.flag("keep").value_or(configuration_.keep_history);
    to.path = section.parsed("file", absolute_path).value_or(to.path);
    to.max_bytes = section.parsed("max_size", history_size).value_or(to.max_bytes);
    if (const auto age = section.parsed("max_age", parse_time_with_days))
        to.max_age = std::chrono::duration_cast<std::chrono::hours>(std::chrono::nanoseconds(*age));
    section.complain_of_unknown();
}

void Reader::read_rules(const toml::value& rules) {
    const bool tables = rules.is_array() &&
                        std::all_of(rules.as_array().begin(), rules.as_array().end(),
                                    [](const toml::value& rule) { return rule.is_table(); });
    if (!tables) {
        const toml::source_location at = rules.location();
        problems_.push_back({at.file_name(), static_cast<unsigned>(at.line()),
                             static_cast<unsigned>(at.column()),
                             "rule is no array of tables; write each rule below [[rule]]"});
        return;
    }
    for (const toml::value& rule : rules.as_array()) {
        Section section(rule, "[[rule]]", problems_);
        add_rule(read_rule(section, problems_), section);
    }
}

void Reader::add_rule(Rule rule, Section& section) {
    std::vector<Rule>& rules = configuration_.rules;
    const auto same = std::find_if(rules.begin(), rules.end(), [&](const Rule& other) {
        return !rule.name.empty() && other.name == rule.name;
    });
    if (same != rules.end())
        section.complain(fmt::format("rule '{}' is there already, at {}; write another name",
                                     rule.name, same->place));
    if (rules.size() == kMostRules)
        section.complain(
            fmt::format("there are more than {} rules; put several watches into one", kMostRules));
    if (rules.size() <= kMostRules) rules.push_back(std::move(rule));
}

tl::expected<Configuration, Problems> Reader::take() {
    if (!problems_.empty()) return tl::unexpected(std::move(problems_));
    return std::move(configuration_);
}

}  // namespace

tl::expected<Configuration, Problems> read_configuration(const std::string& file) {
    Reader reader;
    struct stat status {};
    if (::stat(file.c_str(), &status) == 0 || file != kDefaultConfiguration) reader.read(file);
    const auto folder = std::filesystem::path(file).parent_path() / "conf.d";
    std::vector<std::string> more;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
        if (entry.path().extension() == ".toml") more.push_back(entry.path().string());
    std::sort(more.begin(), more.end());
    for (const std::string& each : more) reader.read(each);
    return reader.take();
}

}  // namespace brink::app
