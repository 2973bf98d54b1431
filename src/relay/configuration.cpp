// SPDX-License-Identifier: Apache-2.0
// toml11 throws, and reports over several lines: both end here.
#include "relay/configuration.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <toml.hpp>

#include "base/nearest.hpp"
#include "base/utf8.hpp"
#include "brink/resource.hpp"
#include "output/table.hpp"
#include "sink/json.hpp"

namespace brink::relay {
namespace {

using output::Place;
using output::Settings;
using output::SettingValue;

constexpr std::size_t kMostNameBytes = 64;

Place place_of(const toml::value& value) {
    const toml::source_location at = value.location();
    return {at.file_name(), at.line(), at.column()};
}

// nullopt: a kind of value that no setting has.
std::optional<SettingValue> setting_of(const toml::value& value) {
    SettingValue setting{.place = place_of(value), .value = false};
    switch (value.type()) {
        case toml::value_t::boolean: setting.value = value.as_boolean(); break;
        case toml::value_t::integer: setting.value = value.as_integer(); break;
        case toml::value_t::floating: setting.value = value.as_floating(); break;
        case toml::value_t::string: setting.value = value.as_string().str; break;
        case toml::value_t::array: {
            std::vector<std::string> texts;
            for (const toml::value& item : value.as_array()) {
                if (!item.is_string()) return std::nullopt;
                texts.push_back(item.as_string().str);
            }
            setting.value = std::move(texts);
            break;
        }
        default: return std::nullopt;
    }
    return setting;
}

// The settings of one table. Tables in it, and what else is no setting, go to `others`.
Settings settings_of(const std::string& name, const toml::value& table,
                     std::map<std::string, const toml::value*>& others) {
    std::map<std::string, SettingValue> values;
    for (const auto& [key, value] : table.as_table()) {
        if (auto setting = setting_of(value))
            values.emplace(key, std::move(*setting));
        else
            others.emplace(key, &value);
    }
    return {name, place_of(table), std::move(values)};
}

std::string complaint_at(const toml::value& value, const std::string& what) {
    return place_of(value).text() + ": " + what;
}

// "did you mean …? " where there is something near.
std::string hint(std::string_view near) {
    return near.empty() ? "" : fmt::format("did you mean {}? ", near);
}

const output::Definition* definition_of(Settings& settings) {
    std::vector<std::string_view> types;
    for (const output::Definition* known : output::definitions()) types.push_back(known->type);
    const std::string type = settings.required_text("type", types.front());
    const output::Definition* definition = output::find_definition(type);
    if (!definition && !type.empty())
        settings.complain("type",
                          fmt::format("there is no output {}; {}there are: {}", in_quotes(type),
                                      hint(nearest(type, types)), fmt::join(types, ", ")));
    return definition;
}

// What every output has, whatever its type.
void read_route(Settings& settings, Route& route) {
    for (const std::string& name : settings.texts("types")) {
        if (const auto type = sink::type_from_name(name))
            route.types.insert(*type);
        else
            settings.complain("types",
                              fmt::format("there is no type {}; {}there are: {}", in_quotes(name),
                                          hint(nearest(name, sink::type_names())),
                                          fmt::join(sink::type_names(), ", ")));
    }
    for (const std::string& name : settings.texts("resources")) {
        if (!find_resource(name))
            settings.complain("resources",
                              fmt::format("there is no resource {}; {}brink limits lists them",
                                          in_quotes(name), hint(nearest_resource(name))));
        route.resources.insert(name);
    }
    route.when_asked = settings.flag("when_asked", false);
    route.from_beginning = settings.choice("start", {"end", "beginning"}, "end") == "beginning";
    route.retry_ms = settings.duration_ms("retry", route.retry_ms);
    route.retry_longest_ms = settings.duration_ms("retry_longest", route.retry_longest_ms);
    if (route.retry_longest_ms < route.retry_ms)
        settings.complain("retry_longest", "it is shorter than retry; write a longer time");
}

void take(std::vector<std::string>& complaints, std::vector<std::string> more) {
    complaints.insert(complaints.end(), std::make_move_iterator(more.begin()),
                      std::make_move_iterator(more.end()));
}

void read_output(const std::string& name, const toml::value& table,
                 output::Surroundings surroundings, Configuration& configuration) {
    const bool plain = !name.empty() && name.size() <= kMostNameBytes &&
                       name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                              "0123456789_-") == std::string::npos;
    if (!plain)
        configuration.complaints.push_back(
            complaint_at(table,
                         fmt::format("output.{}: a name has up to {} letters, digits, '-' and '_'",
                                     in_quotes(name), kMostNameBytes)));
    if (!table.is_table()) {
        configuration.complaints.push_back(
            complaint_at(table,
                         fmt::format("output.{} is no table; write [output.{}]", name, name)));
        return;
    }
    std::map<std::string, const toml::value*> others;
    Settings settings = settings_of("output." + name, table, others);
    for (const auto& [key, value] : others)
        configuration.complaints.push_back(
            complaint_at(*value,
                         fmt::format("output.{}: {}: no setting has such a value", name, key)));
    Route route;
    route.name = surroundings.name = name;
    route.definition = definition_of(settings);
    if (!route.definition) return take(configuration.complaints, settings.complaints());
    read_route(settings, route);
    route.output = route.definition->make(settings, surroundings);
    take(configuration.complaints, settings.finish());
    configuration.routes.push_back(std::move(route));
}

void read_root(const toml::value& root, const output::Surroundings& surroundings,
               Configuration& configuration) {
    std::map<std::string, const toml::value*> tables;
    Settings settings = settings_of("relay", root, tables);
    configuration.history = settings.text("history", configuration.history);
    configuration.state = settings.text("state", configuration.state);
    configuration.control = settings.text("control", configuration.control);
    take(configuration.complaints, settings.finish());
    for (const auto& [key, value] : tables) {
        if (key == "output" && value->is_table()) continue;
        configuration.complaints.push_back(
            complaint_at(*value,
                         fmt::format("there is no {}; write [output.NAME]", in_quotes(key))));
    }
    if (!tables.contains("output") || !tables.at("output")->is_table()) return;
    std::vector<std::pair<std::string, const toml::value*>> outputs;
    for (const auto& [name, value] : tables.at("output")->as_table())
        outputs.emplace_back(name, &value);
    std::sort(outputs.begin(), outputs.end(), [](const auto& one, const auto& other) {
        return one.second->location().line() < other.second->location().line();
    });
    for (const auto& [name, value] : outputs)
        read_output(name, *value, surroundings, configuration);
}

// toml11's report is a picture of several lines; its first one says what is wrong.
std::string one_line(const std::string& report, const toml::source_location& at) {
    std::string what = report.substr(0, report.find('\n'));
    for (const std::string_view prefix : {"[error] ", "toml::", "parse_file: "})
        if (what.starts_with(prefix)) what.erase(0, prefix.size());
    return fmt::format("{}:{}:{}: {}", at.file_name(), at.line(), at.column(), terminal_safe(what));
}

}  // namespace

Configuration read_configuration(const std::string& path,
                                 const output::Surroundings& surroundings) {
    Configuration configuration;
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        configuration.complaints.push_back(
            fmt::format("configuration {}: {}", in_quotes(path), std::strerror(errno)));
        return configuration;
    }
    try {
        read_root(toml::parse(file, path), surroundings, configuration);
    } catch (const toml::exception& error) {
        configuration.complaints.push_back(one_line(error.what(), error.location()));
    } catch (const std::exception& error) {
        configuration.complaints.push_back(
            fmt::format("configuration {}: {}", in_quotes(path), terminal_safe(error.what())));
    }
    if (configuration.complaints.empty() && configuration.routes.empty())
        configuration.complaints.push_back(
            fmt::format("{}: there is no output; write a table [output.NAME]", path));
    return configuration;
}

}  // namespace brink::relay
