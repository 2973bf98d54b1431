// SPDX-License-Identifier: Apache-2.0
#include "events_options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <climits>

#include "arguments.hpp"
#include "base/clock.hpp"
#include "base/nearest.hpp"
#include "base/utf8.hpp"
#include "engine/selection.hpp"
#include "help.hpp"
#include "moment.hpp"
#include "option_readers.hpp"
#include "option_setting.hpp"
#include "sink/json.hpp"

namespace brink::app {
namespace {

using engine::SelectBy;

constexpr int kUsage = 2;
constexpr std::uint64_t kMostLines = 1'000'000;

auto moment_of(std::string_view option) {
    return [=](const std::string& value) {
        return parse_moment(option, value, clock_ns(CLOCK_REALTIME));
    };
}

Result<void> add_types(std::string_view list, std::vector<EventType>& found) {
    while (true) {
        const std::string_view name = list.substr(0, list.find(','));
        const auto type = sink::type_from_name(name);
        if (!type) {
            const std::string_view near = nearest(name, sink::type_names());
            return fail(fmt::format("option --type: there is no type {}; {}there are: {}",
                                    in_quotes(name),
                                    near.empty() ? "" : fmt::format("did you mean {}? ", near),
                                    fmt::join(sink::type_names(), ", ")));
        }
        found.push_back(*type);
        if (name.size() == list.size()) return {};
        list.remove_prefix(name.size() + 1);
    }
}

Result<EventsFormat> parse_format(const std::string& value) {
    if (value == "text") return EventsFormat::text;
    if (value == "json") return EventsFormat::json;
    if (value == "csv") return EventsFormat::csv;
    return fail(fmt::format("option --output: there is no format {}; there are: text, json, csv",
                            in_quotes(value)));
}

Result<std::string> parse_file(const std::string& value) {
    if (!value.empty()) return value;
    return fail("option --history: the file name is empty; write the history of brinkd");
}

// As in brink watch: what can be selected is read by the same rules.
Result<void> set_subject(const Arguments& arguments, SelectBy by, store::HistoryQuery& query) {
    const auto text = arguments.one(fmt::format("--{}", engine::select_name(by)));
    if (!text) return tl::unexpected(text.error());
    if (!*text) return {};
    auto selection = engine::parse_selection(by, **text);
    if (!selection) return tl::unexpected(selection.error());
    switch (by) {
        case SelectBy::unit: query.unit_name = selection->value; break;
        case SelectBy::cgroup: query.cgroup = selection->value; break;
        case SelectBy::comm: query.comm = selection->value; break;
        default: query.uid = selection->uid;
    }
    return {};
}

Result<void> set_query(const Arguments& arguments, store::HistoryQuery& query) {
    Result<void> done = set(arguments, "--since", moment_of("--since"), query.since_ns);
    if (done) done = set(arguments, "--until", moment_of("--until"), query.until_ns);
    if (done && query.since_ns && query.until_ns && *query.since_ns >= *query.until_ns)
        done = fail("option --until: it is not after --since; write a later moment");
    std::vector<const Resource*> resources;
    if (done) done = set_resources(arguments, resources);
    for (const Resource* resource : resources) query.resources.emplace_back(resource->name);
    for (const std::string& list : arguments.all("--type"))
        if (done) done = add_types(list, query.types);
    if (done) done = set(arguments, "--pid", number_of("--pid", 1, INT_MAX), query.pid);
    for (const SelectBy by : {SelectBy::unit, SelectBy::cgroup, SelectBy::comm, SelectBy::user})
        if (done) done = set_subject(arguments, by, query);
    if (done) done = set(arguments, "--lines", number_of("--lines", 1, kMostLines), query.last);
    return done;
}

// A forecast is made of all crossings, at one moment.
Result<void> check_forecast(const Arguments& arguments, const EventsOptions& options) {
    if (!options.forecast) return {};
    for (const char* name : {"--type", "--lines"})
        if (!arguments.all(name).empty())
            return fail(fmt::format("option {} is not for --forecast; write one of them", name));
    if (options.follow) return fail("option --follow is not for --forecast; write one of them");
    if (options.format == EventsFormat::csv)
        return fail("option --output: csv is not for --forecast; write text or json");
    return {};
}

}  // namespace

CommandLine parse_events(std::span<const char* const> words) {
    Arguments arguments(events_option_names(), events_flag_names());
    EventsOptions options;
    Result<void> done = arguments.parse(words, false);
    if (done && arguments.help()) return stop_with(events_help());
    if (done) {
        options.follow = arguments.has("--follow");
        options.forecast = arguments.has("--forecast");
        done = set_query(arguments, options.query);
    }
    if (done) done = set(arguments, "--output", parse_format, options.format);
    if (done) done = set(arguments, "--history", parse_file, options.history);
    if (done) done = check_forecast(arguments, options);
    if (!done) return wrong("brink events", done.error(), kUsage);
    return options;
}

std::vector<std::string> events_option_names() {
    return {"--since", "--until", "-r,--resource", "--type",     "--pid",       "--comm",
            "--unit",  "--user",  "--cgroup",      "-n,--lines", "-o,--output", "--history"};
}

std::vector<std::string> events_flag_names() { return {"-f,--follow", "--forecast"}; }

}  // namespace brink::app
