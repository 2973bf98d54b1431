// SPDX-License-Identifier: Apache-2.0
// Section: one table of a TOML file, read key by key. A key that nobody has asked for is unknown, and said so with the nearest
// that was asked for; every problem has its line and column.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <toml.hpp>
#include <vector>

#include "base/result.hpp"
#include "problem.hpp"

namespace brink::app {

struct TomlText {
    std::string text;
    toml::source_location at;
};

class Section {
  public:
    /// `name`: "[[rule]]", for messages. REQUIRES: `table` is a table, and lives as long as this.
    Section(const toml::value& table, std::string name, Problems& problems)
        : table_(table), name_(std::move(name)), problems_(problems) {}

    /// The value of `key`, or nullopt where it is not there or (which is a problem) of another type.
    [[nodiscard]] std::optional<TomlText> text(const std::string& key);
    [[nodiscard]] std::optional<bool> flag(const std::string& key);
    [[nodiscard]] std::optional<std::uint64_t> number(const std::string& key, std::uint64_t low,
                                                      std::uint64_t high);
    /// A string, or an array of strings.
    [[nodiscard]] std::vector<TomlText> texts(const std::string& key);

    /// A text that `parse` reads; its error becomes a problem of that place.
    template <typename Parse>
    [[nodiscard]] auto parsed(const std::string& key, Parse parse)
        -> std::optional<typename decltype(parse(std::string()))::value_type> {
        const auto found = text(key);
        if (!found) return std::nullopt;
        auto value = parse(found->text);
        if (value) return std::move(*value);
        complain(found->at, key + ": " + value.error().message);
        return std::nullopt;
    }

    [[nodiscard]] bool has(const std::string& key);
    void complain(const toml::source_location& at, std::string message);
    /// About the table as a whole.
    void complain(std::string message);
    [[nodiscard]] toml::source_location location() const { return table_.location(); }

    /// To be called when all keys have been asked for.
    void complain_of_unknown();

  private:
    [[nodiscard]] const toml::value* find(const std::string& key);
    void complain_of_type(const toml::value& value, const std::string& key, std::string_view right);

    const toml::value& table_;
    std::string name_;
    Problems& problems_;
    std::set<std::string, std::less<>> known_;
};

}  // namespace brink::app
