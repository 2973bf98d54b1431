// SPDX-License-Identifier: Apache-2.0
// The values that are not levels or actions (those are read by src/engine).
#include "option_values.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "base/nearest.hpp"
#include "base/units.hpp"
#include "base/utf8.hpp"

namespace brink::app {
namespace {

constexpr std::uint64_t kShortestIntervalNs = 1'000'000;

struct EngineName {
    std::string_view name;
    EngineChoice choice;
};

constexpr std::array<EngineName, 4> kEngines{{
    {"auto", EngineChoice::automatic},
    {"kernel", EngineChoice::kernel},
    {"tracepoint", EngineChoice::tracepoint},
    {"poll", EngineChoice::poll},
}};

std::string suggestion(std::string_view near) {
    return near.empty() ? "" : fmt::format("did you mean {}? ", near);
}

}  // namespace

Result<OutputFormat> parse_output(const std::string& value) {
    if (value == "text") return OutputFormat::text;
    if (value == "json") return OutputFormat::json;
    return fail(fmt::format("option --output: there is no format {}; {}there are: text, json",
                            in_quotes(value), suggestion(nearest(value, {"text", "json"}))));
}

Result<EngineChoice> parse_engine(const std::string& value) {
    for (const EngineName& engine : kEngines)
        if (engine.name == value) return engine.choice;
    const std::string_view near = nearest(value, {"auto", "kernel", "tracepoint", "poll"});
    return fail(fmt::format(
        "option --engine: there is no engine {}; {}there are: auto, kernel, tracepoint, poll",
        in_quotes(value), suggestion(near)));
}

Result<std::string> parse_btf(const std::string& value) {
    if (value.empty()) return fail("option --btf: the file name is empty; write a BTF file");
    if (::access(value.c_str(), R_OK))
        return fail(fmt::format("option --btf: {}: {}", in_quotes(value), std::strerror(errno)));
    return value;
}

Result<EventsTo> parse_events_to(const std::string& value) {
    constexpr std::string_view kFd = "fd:";
    if (value.empty())
        return fail("option --events: the file name is empty; write a file, or fd:N for a "
                    "descriptor that is open");
    if (value == "-")
        return fail("option --events: '-' is no file here; write fd:1 for standard output, or ./- "
                    "for a file of this name");
    if (!value.starts_with(kFd)) return EventsTo{.path = value, .fd = -1};
    const auto number = parse_count(std::string_view(value).substr(kFd.size()));
    if (!number || *number > INT_MAX)
        return fail(fmt::format("option --events: {} is malformed; write a file, or fd:N for a "
                                "descriptor that is open",
                                in_quotes(value)));
    const int fd = static_cast<int>(*number);
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0)
        return fail(fmt::format("option --events: descriptor {} is not open; open it for brink, as "
                                "in {}>events.json",
                                fd, fd));
    if ((flags & O_ACCMODE) == O_RDONLY)
        return fail(fmt::format("option --events: descriptor {} is open for reading only; open it "
                                "for writing, as in {}>events.json",
                                fd, fd));
    return EventsTo{.path = {}, .fd = fd};
}

Result<std::pair<std::uint64_t, std::uint64_t>> parse_interval(const std::string& value) {
    const std::size_t comma = value.find(',');
    const auto shortest = parse_duration_ns("--poll-interval", value.substr(0, comma));
    if (!shortest) return tl::unexpected(shortest.error());
    const auto longest = comma == std::string::npos
                             ? shortest
                             : parse_duration_ns("--poll-interval", value.substr(comma + 1));
    if (!longest) return tl::unexpected(longest.error());
    if (*shortest < kShortestIntervalNs || *longest < *shortest)
        return fail(fmt::format("option --poll-interval: {} is out of order; write the shortest "
                                "interval, at least 1ms, then the longest, as in 10ms,1s",
                                in_quotes(value)));
    return std::pair(*shortest, *longest);
}

Result<std::uint64_t> parse_number(std::string_view option, const std::string& value,
                                   std::uint64_t low, std::uint64_t high) {
    const auto number = parse_count(value);
    if (number && *number >= low && *number <= high) return *number;
    return fail(fmt::format("option {}: {} is {}; write a number from {} to {}", option,
                            in_quotes(value), number ? "out of range" : "not a number", low, high));
}

Result<std::uint64_t> parse_duration_ns(std::string_view option, const std::string& value,
                                        std::uint64_t most_ns) {
    const auto time = parse_time_ns(value);
    if (!time) return fail(fmt::format("option {}: {}", option, time.error().message));
    if (*time > most_ns)
        return fail(fmt::format("option {}: {} is too long; write at most {}", option,
                                in_quotes(value), format_quantity(most_ns, Unit::time_ns)));
    return *time;
}

}  // namespace brink::app
