// SPDX-License-Identifier: Apache-2.0
// Settings: one table of the configuration, as an output asks for it, key by key. What is wrong is collected, each with
// the place in the file, and a key that nobody has asked for is wrong, too: a misspelt setting is never silently ignored.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace brink::output {

/// Where something stands in a file: "relay.toml:12:7".
struct Place {
    std::string file;
    std::size_t line = 0;
    std::size_t column = 0;

    [[nodiscard]] std::string text() const;
};

struct SettingValue {
    Place place;
    std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>> value;
};

/// "HOST:PORT", taken apart.
struct Endpoint {
    std::string host;
    std::uint16_t port = 0;

    [[nodiscard]] std::string text() const;
};

class Settings {
  public:
    Settings(std::string table, Place place, std::map<std::string, SettingValue> values)
        : table_(std::move(table)), place_(std::move(place)), values_(std::move(values)) {}

    /// The value of `key`, or what stands for one that is not there. A value of the wrong kind or outside of the bounds is a
    /// complaint; the answer is `otherwise` then.
    [[nodiscard]] std::string text(const std::string& key, const std::string& otherwise = {});
    [[nodiscard]] bool flag(const std::string& key, bool otherwise);
    [[nodiscard]] std::uint64_t number(const std::string& key, std::uint64_t low,
                                       std::uint64_t high, std::uint64_t otherwise);
    [[nodiscard]] std::vector<std::string> texts(const std::string& key);
    [[nodiscard]] std::string choice(const std::string& key,
                                     std::initializer_list<std::string_view> choices,
                                     std::string_view otherwise);
    /// "500ms", "10s", "5m": from 1 ms to a day; with `zero` also "0s".
    [[nodiscard]] int duration_ms(const std::string& key, int otherwise_ms, bool zero = false);
    /// "HOST:PORT", "[::1]:PORT", or HOST alone. `host` empty: the setting must be there.
    [[nodiscard]] Endpoint endpoint(const std::string& key, std::uint16_t port,
                                    std::string host = {});

    /// Of a setting that must be there and not be empty; `example` is what would be right.
    [[nodiscard]] std::string required_text(const std::string& key, std::string_view example);

    /// The first line of the file that `key` names: a password. Empty if the setting is not there. A file that anybody but its
    /// owner can read is a complaint.
    [[nodiscard]] std::string secret(const std::string& key);

    /// Whether the setting is there.
    [[nodiscard]] bool has(const std::string& key) const { return values_.contains(key); }

    /// A complaint about `key`: "FILE:LINE:COLUMN: output.NAME: KEY: WHAT".
    void complain(const std::string& key, std::string_view what);

    /// The complaints so far: where there is no knowing which keys there should be.
    [[nodiscard]] std::vector<std::string> complaints() const { return complaints_; }

    /// All complaints, with one for each key that was not asked for.
    [[nodiscard]] std::vector<std::string> finish();

  private:
    template <typename Value>
    [[nodiscard]] const Value* find(const std::string& key, std::string_view kind);

    std::string table_;
    Place place_;
    std::map<std::string, SettingValue> values_;
    std::set<std::string> asked_;
    std::vector<std::string> complaints_;
};

}  // namespace brink::output
