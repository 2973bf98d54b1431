// SPDX-License-Identifier: Apache-2.0
#include "output/shared/settings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/nearest.hpp"
#include "base/units.hpp"
#include "base/utf8.hpp"
#include "output/shared/secret_file.hpp"

namespace brink::output {
namespace {

constexpr std::uint64_t kDayMs = 24ULL * 60 * 60 * 1000;

}  // namespace

std::string Place::text() const { return fmt::format("{}:{}:{}", file, line, column); }

std::string Endpoint::text() const {
    return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                               : fmt::format("[{}]:{}", host, port);
}

void Settings::complain(const std::string& key, std::string_view what) {
    const auto found = values_.find(key);
    const Place& place = found == values_.end() ? place_ : found->second.place;
    complaints_.push_back(fmt::format("{}: {}: {}: {}", place.text(), table_, key, what));
}

template <typename Value>
const Value* Settings::find(const std::string& key, std::string_view kind) {
    asked_.insert(key);
    const auto found = values_.find(key);
    if (found == values_.end()) return nullptr;
    const auto* value = std::get_if<Value>(&found->second.value);
    if (!value) complain(key, fmt::format("it has to be {}", kind));
    return value;
}

std::string Settings::text(const std::string& key, const std::string& otherwise) {
    const auto* value = find<std::string>(key, "text, in quotes");
    return value ? *value : otherwise;
}

bool Settings::flag(const std::string& key, bool otherwise) {
    const auto* value = find<bool>(key, "true or false, without quotes");
    return value ? *value : otherwise;
}

std::uint64_t Settings::number(const std::string& key, std::uint64_t low, std::uint64_t high,
                               std::uint64_t otherwise) {
    const auto* value = find<std::int64_t>(key, fmt::format("a number from {} to {}", low, high));
    if (!value) return otherwise;
    if (*value >= 0 && std::cmp_greater_equal(*value, low) && std::cmp_less_equal(*value, high))
        return static_cast<std::uint64_t>(*value);
    complain(key, fmt::format("{} is out of range; write {} to {}", *value, low, high));
    return otherwise;
}

std::vector<std::string> Settings::texts(const std::string& key) {
    const auto* value = find<std::vector<std::string>>(key,
                                                       "a list of texts, as in [\"one\", \"two\"]");
    return value ? *value : std::vector<std::string>();
}

std::string Settings::choice(const std::string& key,
                             std::initializer_list<std::string_view> choices,
                             std::string_view otherwise) {
    std::string value = text(key, std::string(otherwise));
    if (std::find(choices.begin(), choices.end(), value) != choices.end()) return value;
    const std::string_view near = nearest(value, choices);
    complain(key, fmt::format("there is no {}; {}there are: {}", in_quotes(value),
                              near.empty() ? "" : fmt::format("did you mean {}? ", near),
                              fmt::join(choices, ", ")));
    return std::string(otherwise);
}

int Settings::duration_ms(const std::string& key, int otherwise_ms, bool zero) {
    const auto* value = find<std::string>(key, "a time in quotes, as in \"10s\"");
    if (!value) return otherwise_ms;
    const auto ns = parse_time_ns(*value);
    if (!ns) {
        complain(key, ns.error().message);
        return otherwise_ms;
    }
    const std::uint64_t ms = *ns / 1'000'000;
    if ((ms > 0 || (zero && *ns == 0)) && ms <= kDayMs) return static_cast<int>(ms);
    complain(key, fmt::format("{} is out of range; write {} to 24h", in_quotes(*value),
                              zero ? "0s" : "1ms"));
    return otherwise_ms;
}

Endpoint Settings::endpoint(const std::string& key, std::uint16_t port, std::string host) {
    Endpoint endpoint{std::move(host), port};
    std::string value = endpoint.host.empty()
                            ? required_text(key, fmt::format("127.0.0.1:{}", port))
                            : text(key, endpoint.host);
    const std::size_t bracket = value.starts_with('[') ? value.find(']') : 0;
    const std::size_t colon = value.find(':', bracket == std::string::npos ? 0 : bracket);
    const bool bare_v6 = bracket == 0 && std::count(value.begin(), value.end(), ':') > 1;
    std::string name = bare_v6 ? value : value.substr(0, colon);
    if (bracket > 0 && bracket != std::string::npos) name = value.substr(1, bracket - 1);
    if (colon != std::string::npos && !bare_v6) {
        const char* end = value.data() + value.size();
        const auto [stop, error] = std::from_chars(value.data() + colon + 1, end, endpoint.port);
        if (error != std::errc() || stop != end || endpoint.port == 0) name.clear();
    }
    if (name.empty() && !value.empty())
        complain(key, fmt::format("{} is no address; write HOST:PORT, as in 127.0.0.1:{}",
                                  in_quotes(value), port));
    endpoint.host = name;
    return endpoint;
}

std::string Settings::required_text(const std::string& key, std::string_view example) {
    std::string value = text(key);
    if (value.empty() && (!has(key) || std::holds_alternative<std::string>(values_[key].value)))
        complain(key,
                 fmt::format("it has to be there; write, for example, {} = \"{}\"", key, example));
    return value;
}

std::string Settings::secret(const std::string& key) {
    const std::string path = text(key);
    if (!has(key) || path.empty()) return {};
    auto secret = read_secret(path);
    if (secret) return *secret;
    complain(key, secret.error().message);
    return {};
}

std::vector<std::string> Settings::finish() {
    const std::vector<std::string_view> known(asked_.begin(), asked_.end());
    for (const auto& [key, value] : values_) {
        if (asked_.contains(key)) continue;
        const std::string_view near = nearest(key, known);
        complain(key, fmt::format("there is no such setting; {}there are: {}",
                                  near.empty() ? "" : fmt::format("did you mean {}? ", near),
                                  fmt::join(known, ", ")));
    }
    return std::exchange(complaints_, {});
}

}  // namespace brink::output
