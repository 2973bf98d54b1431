// SPDX-License-Identifier: Apache-2.0
#include "toml_section.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/nearest.hpp"
#include "base/utf8.hpp"

namespace brink::app {
namespace {

std::string_view type_of(const toml::value& value) {
    switch (value.type()) {
        case toml::value_t::boolean: return "a boolean";
        case toml::value_t::integer: return "a number";
        case toml::value_t::floating: return "a number with a point";
        case toml::value_t::string: return "a string";
        case toml::value_t::array: return "an array";
        case toml::value_t::table: return "a table";
        default: return "a date or time";
    }
}

// The library knows where the value stands; the key is what comes before it on the line.
unsigned column_of_key(const toml::source_location& value, const std::string& key) {
    const std::string before = value.line_str().substr(0, value.column() - 1);
    const std::size_t at = before.rfind(key);
    return at == std::string::npos ? value.column() : static_cast<unsigned>(at) + 1;
}

}  // namespace

std::string Problem::text() const {
    if (line == 0) return fmt::format("{}: {}", file, message);
    return fmt::format("{}:{}:{}: {}", file, line, column, message);
}

const toml::value* Section::find(const std::string& key) {
    known_.insert(key);
    const auto& entries = table_.as_table();
    const auto found = entries.find(key);
    return found == entries.end() ? nullptr : &found->second;
}

bool Section::has(const std::string& key) { return find(key) != nullptr; }

std::optional<TomlText> Section::text(const std::string& key) {
    const toml::value* value = find(key);
    if (!value) return std::nullopt;
    if (value->is_string()) return TomlText{value->as_string().str, value->location()};
    complain_of_type(*value, key, "write a string in quotes");
    return std::nullopt;
}

std::optional<bool> Section::flag(const std::string& key) {
    const toml::value* value = find(key);
    if (!value) return std::nullopt;
    if (value->is_boolean()) return value->as_boolean();
    complain_of_type(*value, key, "write true or false");
    return std::nullopt;
}

std::optional<std::uint64_t> Section::number(const std::string& key, std::uint64_t low,
                                             std::uint64_t high) {
    const toml::value* value = find(key);
    if (!value) return std::nullopt;
    if (!value->is_integer()) {
        complain_of_type(*value, key, fmt::format("write a number from {} to {}", low, high));
        return std::nullopt;
    }
    const std::int64_t number = value->as_integer();
    if (number >= 0 && static_cast<std::uint64_t>(number) >= low &&
        static_cast<std::uint64_t>(number) <= high)
        return static_cast<std::uint64_t>(number);
    complain(value->location(), fmt::format("{}: {} is out of range; write a number from {} to {}",
                                            key, number, low, high));
    return std::nullopt;
}

std::vector<TomlText> Section::texts(const std::string& key) {
    std::vector<TomlText> found;
    const toml::value* value = find(key);
    if (!value) return found;
    if (value->is_string()) return {{value->as_string().str, value->location()}};
    if (!value->is_array()) {
        complain_of_type(*value, key, "write a string in quotes, or an array of them");
        return found;
    }
    for (const toml::value& element : value->as_array()) {
        if (element.is_string())
            found.push_back({element.as_string().str, element.location()});
        else
            complain_of_type(element, key, "write strings in quotes");
    }
    return found;
}

void Section::complain(const toml::source_location& at, std::string message) {
    problems_.push_back({at.file_name(), static_cast<unsigned>(at.line()),
                         static_cast<unsigned>(at.column()), std::move(message)});
}

void Section::complain(std::string message) { complain(table_.location(), std::move(message)); }

void Section::complain_of_type(const toml::value& value, const std::string& key,
                               std::string_view right) {
    complain(value.location(), fmt::format("{} is {}; {}", key, type_of(value), right));
}

void Section::complain_of_unknown() {
    const std::vector<std::string_view> names(known_.begin(), known_.end());
    for (const auto& [key, value] : table_.as_table()) {
        if (known_.contains(key)) continue;
        const std::string_view near = nearest(key, names);
        const toml::source_location at = value.location();
        problems_.push_back(
            {at.file_name(), static_cast<unsigned>(at.line()), column_of_key(at, key),
             fmt::format("there is no key {} in {}; {}there are: {}", in_quotes(key), name_,
                         near.empty() ? "" : fmt::format("did you mean {}? ", near),
                         fmt::join(names, ", "))});
    }
}

}  // namespace brink::app
