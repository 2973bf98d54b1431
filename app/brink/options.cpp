// SPDX-License-Identifier: Apache-2.0
// From words to options, and from what is wrong with them to one line and a status.
#include "options.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <span>
#include <tuple>

#include "arguments.hpp"
#include "base/nearest.hpp"
#include "base/utf8.hpp"
#include "events_options.hpp"
#include "help.hpp"
#include "latency_options.hpp"
#include "option_readers.hpp"
#include "option_setting.hpp"
#include "option_values.hpp"

namespace brink::app {
namespace {

constexpr int kUsage = 2;        // exit status for bad usage
constexpr int kRunFailed = 125;  // the same in `run`, where others could be the command's
constexpr std::uint64_t kMostSubjects = 1 << 20;
constexpr std::uint64_t kMostRestarts = 3600;
constexpr std::uint64_t kMostLines = 1'000'000;
constexpr std::uint64_t kShortestIntervalNs = 100'000'000;

using Words = std::span<const char* const>;

// "--user U or --all": how `brink watch` names subjects of `scope`.
std::string_view options_for(Scope scope) {
    switch (scope) {
        case Scope::process: return "--pid P, --unit U or another of brink watch --help";
        case Scope::user: return "--user U or --all";
        case Scope::cgroup: return "--cgroup C, --unit U, --container ID or --all";
        case Scope::socket: return "--all, or the processes that own it: --unit U and the like";
        case Scope::system: return "--system";
    }
    return "";
}

// `selection`: whom `brink watch` was told to watch; nullptr: one process or thread.
Result<void> check_watchable(const engine::WatchSpec& watch, const engine::Selection* selection) {
    const Resource& resource = *watch.resource;
    if (!resource.watchable())
        return fail(fmt::format("watch {}: {} cannot be watched: {}", in_quotes(watch.text),
                                resource.name, resource.unreadable));
    if (selection ? selects(selection->by, resource) : resource.scope == Scope::process) return {};
    if (resource.facility == Facility::wakeups)
        return fail(
            fmt::format("watch {}: {} is watched with --pid, --tid, --unit, --cgroup, --container, "
                        "--realtime and --all, not with --{}",
                        in_quotes(watch.text), resource.name,
                        selection ? select_name(selection->by) : "pid"));
    return fail(fmt::format(
        "watch {}: {} is counted for {}{}, not for {}{}; it is watched with brink watch and {}",
        in_quotes(watch.text), resource.name, resource.scope == Scope::system ? "the " : "a ",
        scope_name(resource.scope), selection ? "--" : "a process",
        selection ? select_name(selection->by) : "", options_for(resource.scope)));
}

Result<void> set_watches(const Arguments& arguments, MonitorOptions& options,
                         const engine::Selection* selection) {
    std::vector<std::string> texts = arguments.all("--watch");
    if (texts.size() > BRINK_MAX_PER_SUBJECT)
        return fail(fmt::format("option --watch is there {} times; a process has at most {} "
                                "watches, put several levels into one",
                                texts.size(), BRINK_MAX_PER_SUBJECT));
    if (texts.empty()) texts.emplace_back(kDefaultWatch);
    for (const std::string& text : texts) {
        auto watch = engine::parse_watch(text);
        if (!watch) return tl::unexpected(watch.error());
        if (auto watchable = check_watchable(*watch, selection); !watchable) return watchable;
        options.watches.push_back(std::move(*watch));
    }
    for (const std::string& text : arguments.all("--on")) {
        auto action = engine::parse_action(text);
        if (!action) return tl::unexpected(action.error());
        options.actions.push_back(std::move(*action));
    }
    return engine::check_actions(options.actions, options.watches);
}

Result<void> set_poll_interval(const Arguments& arguments, MonitorOptions& options) {
    std::pair interval(options.poll_shortest_ns, options.poll_longest_ns);
    auto done = set(arguments, "--poll-interval", parse_interval, interval);
    std::tie(options.poll_shortest_ns, options.poll_longest_ns) = interval;
    return done;
}

Result<void> set_monitor(const Arguments& arguments, MonitorOptions& options,
                         const engine::Selection* selection = nullptr) {
    Result<void> done = set_watches(arguments, options, selection);
    if (done) done = set(arguments, "--output", parse_output, options.output);
    if (done) done = set(arguments, "--events", parse_events_to, options.events);
    if (done) done = set(arguments, "--engine", parse_engine, options.engine);
    if (done) done = set(arguments, "--btf", parse_btf, options.btf);
    if (done) done = set_poll_interval(arguments, options);
    if (done)
        done = set(arguments, "--max-subjects", number_of("--max-subjects", 1, kMostSubjects),
                   options.max_subjects);
    return done;
}

CommandLine parse_run(Words words) {
    Arguments arguments(option_names("run"));
    RunOptions options;
    Result<void> done = arguments.parse(words, true);
    if (done && arguments.help()) return stop_with(run_help());
    if (done) done = set_monitor(arguments, options);
    if (done)
        done = set(arguments, "--restart-grace", duration_of("--restart-grace", kDayNs),
                   options.restart_grace_ns);
    if (done)
        done = set(arguments, "--restart-delay", duration_of("--restart-delay", kMinuteNs),
                   options.restart_delay_ns);
    if (done)
        done = set(arguments, "--restart-max", number_of("--restart-max", 0, kMostRestarts),
                   options.restart_max);
    options.command = arguments.command();
    if (done && options.command.empty())
        done = fail(
            "there is no command; write it behind the options, as in brink run -- ./server");
    if (done && options.command.front().empty())
        done = fail("the command '' is empty; write the program to run");
    if (!done) return wrong("brink run", done.error(), kRunFailed);
    return options;
}

// What cannot be done to a process that brink has not started.
Result<void> check_watch_actions(const WatchOptions& options) {
    for (const engine::ActionSpec& action : options.actions)
        if (action.kind == engine::ActionKind::restart || action.kind == engine::ActionKind::fail)
            return fail(fmt::format("action {}: brink watch has no command to {}; use brink run, "
                                    "or exec:COMMAND",
                                    in_quotes(action.argument),
                                    action.kind == engine::ActionKind::restart ? "start again"
                                                                               : "report on"));
    return {};
}

// The options of `brink watch` that name subjects, as they are there.
std::vector<std::string> subject_options(const Arguments& arguments) {
    std::vector<std::string> given;
    for (const char* name :
         {"--pid", "--tid", "--unit", "--cgroup", "--comm", "--exe", "--user", "--container"})
        if (!arguments.all(name).empty()) given.emplace_back(name);
    for (const char* name : {"--realtime", "--all", "--system"})
        if (arguments.has(name)) given.emplace_back(name);
    return given;
}

Result<void> set_subject(const Arguments& arguments, WatchOptions& options) {
    const std::vector<std::string> given = subject_options(arguments);
    if (given.empty())
        return fail(
            "there is nothing to watch; write --pid P, or one of --tid, --unit, --cgroup, --comm, "
            "--exe, --user, --container, --realtime, --all, --system");
    if (given.size() > 1)
        return fail(fmt::format("{} and {} are both there; write one of them", given[0], given[1]));
    const std::string& name = given.front();
    options.thread = name == "--tid";
    if (name == "--pid" || options.thread)
        return set(arguments, name, number_of(name, 1, INT_MAX), options.pid);
    const engine::SelectBy by = engine::select_by(std::string_view(name).substr(2));
    if (by == engine::SelectBy::realtime || by == engine::SelectBy::all ||
        by == engine::SelectBy::system) {
        options.selection = engine::Selection{.by = by, .value = {}};
        return {};
    }
    return set(
        arguments, name,
        [by](const std::string& text) { return engine::parse_selection(by, text); },
        options.selection);
}

const engine::Selection* selection_of(const WatchOptions& options) {
    return options.selection ? &*options.selection : nullptr;
}

CommandLine parse_watch_command(Words words) {
    Arguments arguments(option_names("watch"), flag_names("watch"));
    WatchOptions options;
    Result<void> done = arguments.parse(words, false);
    if (done && arguments.help()) return stop_with(watch_help());
    if (done) done = set_subject(arguments, options);
    if (done) done = set_monitor(arguments, options, selection_of(options));
    if (done) done = check_watch_actions(options);
    if (!done) return wrong("brink watch", done.error(), kUsage);
    return options;
}

// "nofile,as" added to `found`.
Result<void> add_resources(std::string_view list, std::vector<const Resource*>& found) {
    while (true) {
        const std::string_view name = list.substr(0, list.find(','));
        const auto resource = engine::parse_resource(name);
        if (!resource) return fail("option --resource: " + resource.error().message);
        if (std::find(found.begin(), found.end(), *resource) == found.end())
            found.push_back(*resource);
        if (name.size() == list.size()) return {};
        list.remove_prefix(name.size() + 1);
    }
}

Result<EngineChoice> parse_look_engine(const std::string& value) {
    auto engine = parse_engine(value);
    if (!engine)
        return fail(
            fmt::format("option --engine: there is no engine {}; write auto, kernel or poll",
                        in_quotes(value)));
    if (*engine == EngineChoice::tracepoint)
        return fail("option --engine: tracepoint is for watching; write auto, kernel or poll");
    return engine;
}

Result<void> set_interval(const Arguments& arguments, std::uint64_t& interval_ns) {
    auto done = set(arguments, "--interval", duration_of("--interval", kDayNs), interval_ns);
    if (done && interval_ns < kShortestIntervalNs)
        done = fail("option --interval: it is too short; write at least 100ms");
    return done;
}

Result<void> set_look(const Arguments& arguments, LookOptions& options) {
    Result<void> done = set_resources(arguments, options.resources);
    if (options.resources.empty()) options.resources.assign(resources().begin(), resources().end());
    if (done) done = set(arguments, "--lines", number_of("--lines", 1, kMostLines), options.lines);
    if (done) done = set_interval(arguments, options.interval_ns);
    if (done) done = set(arguments, "--engine", parse_look_engine, options.engine);
    if (done) done = set(arguments, "--output", parse_output, options.output);
    return done;
}

Result<void> set_limits(const Arguments& arguments, LimitsOptions& options) {
    options.every_subject = arguments.has("--all") || !arguments.all("--resource").empty();
    options.again = arguments.has("--watch");
    Result<void> done = set_look(arguments, options);
    if (done && !options.again && !arguments.all("--interval").empty())
        done = fail("option --interval is for --watch; write both, or neither");
    return done;
}

Result<void> set_top(const Arguments& arguments, TopOptions& options) {
    options.once = arguments.has("--once");
    Result<void> done = set_look(arguments, options);
    for (const char* name : {"--lines", "--output"})
        if (done && !options.once && !arguments.all(name).empty())
            done = fail(fmt::format("option {} is for --once; write both, or neither", name));
    if (done && options.once && !arguments.all("--interval").empty())
        done = fail("option --interval is not for --once; write one of them");
    return done;
}

CommandLine parse_top(Words words) {
    Arguments arguments(option_names("top"), flag_names("top"));
    TopOptions options;
    Result<void> done = arguments.parse(words, false);
    if (done && arguments.help()) return stop_with(top_help());
    if (done) done = set_top(arguments, options);
    if (!done) return wrong("brink top", done.error(), kUsage);
    return options;
}

CommandLine parse_limits(Words words) {
    Arguments arguments(option_names("limits"), flag_names("limits"));
    LimitsOptions options;
    Result<void> done = arguments.parse(words, false);
    if (done && arguments.help()) return stop_with(limits_help());
    if (done) done = set_limits(arguments, options);
    if (!done) return wrong("brink limits", done.error(), kUsage);
    return options;
}

CommandLine parse_latency(Words words) {
    Arguments arguments(option_names("latency"), flag_names("latency"), "--help");
    const std::vector<const char*> completed = with_bare_options(words);
    auto done = arguments.parse(completed, false);
    if (done && arguments.help()) return stop_with(latency_help());
    if (!done) return wrong("brink latency", done.error(), kUsage);
    auto options = read_latency_options(arguments);
    if (!options) return wrong("brink latency", options.error(), kUsage);
    return std::move(*options);
}

CommandLine parse_doctor(Words words) {
    Arguments arguments(option_names("doctor"));
    DoctorOptions options;
    Result<void> done = arguments.parse(words, false);
    if (done && arguments.help()) return stop_with(doctor_help());
    if (done) done = set(arguments, "--output", parse_output, options.output);
    if (done) done = set(arguments, "--btf", parse_btf, options.btf);
    if (!done) return wrong("brink doctor", done.error(), kUsage);
    return options;
}

Result<std::string> as_it_is(const std::string& path) { return path; }

CommandLine parse_status(Words words) {
    Arguments arguments(option_names("status"));
    StatusOptions options;
    Result<void> done = arguments.parse(words, false);
    if (done && arguments.help()) return stop_with(status_help());
    if (done) done = set(arguments, "--output", parse_output, options.output);
    if (done) done = set(arguments, "--socket", as_it_is, options.socket);
    if (done) done = set(arguments, "--control", as_it_is, options.control);
    if (!done) return wrong("brink status", done.error(), kUsage);
    return options;
}

CommandLine parse_test_sink(Words words) {
    Arguments arguments(option_names("test-sink"));
    TestSinkOptions options;
    Result<void> done = arguments.parse(words, true);
    if (done && arguments.help()) return stop_with(test_sink_help());
    if (done && arguments.command().size() != 1)
        done = fail("write the name of one output behind the options, as in brink test-sink pager");
    if (done) options.name = arguments.command().front();
    if (done) done = set(arguments, "--output", parse_output, options.output);
    if (done) done = set(arguments, "--control", as_it_is, options.control);
    if (!done) return wrong("brink test-sink", done.error(), kUsage);
    return options;
}

Stop unknown_command(std::string_view word) {
    const bool option = word.starts_with('-');
    const std::string_view near = option
                                      ? nearest(word, {"--help", "--version"})
                                      : nearest(word, {"run", "watch", "top", "limits", "latency",
                                                       "doctor", "events", "status", "test-sink"});
    return wrong("brink",
                 Error{0, fmt::format("there is no {} {}; {}there are: {}",
                                      option ? "option" : "command", in_quotes(word),
                                      near.empty() ? "" : fmt::format("did you mean {}? ", near),
                                      option ? "--help, --version"
                                             : "run, watch, top, limits, latency, doctor, "
                                               "events, status, test-sink")},
                 kUsage);
}

}  // namespace

Result<void> set_resources(const Arguments& arguments, std::vector<const Resource*>& found) {
    for (const std::string& list : arguments.all("--resource"))
        if (auto added = add_resources(list, found); !added) return added;
    return {};
}

std::vector<std::string> option_names(std::string_view command) {
    if (command == "doctor") return {"-o,--output", "--btf"};
    if (command == "events") return events_option_names();
    if (command == "status") return {"-o,--output", "--socket", "--control"};
    if (command == "latency")
        return {"-t,--threads",   "-a,--affinity", "-p,--priority", "--policy",
                "-i,--interval",  "-d,--distance", "-D,--duration", "-l,--loops",
                "-h,--histogram", "--worst",       "--plot",        "--samples",
                "-o,--output",    "--btf"};
    if (command == "test-sink") return {"-o,--output", "--control"};
    if (command == "limits" || command == "top")
        return {"-r,--resource", "-n,--lines", "--interval", "--engine", "-o,--output"};
    std::vector<std::string> names{"-w,--watch", "--on",  "-o,--output",     "--events",
                                   "--engine",   "--btf", "--poll-interval", "--max-subjects"};
    if (command == "run")
        names.insert(names.end(), {"--restart-grace", "--restart-delay", "--restart-max"});
    else
        names.insert(names.end(), {"--pid", "--tid", "--unit", "--cgroup", "--comm", "--exe",
                                   "--user", "--container"});
    return names;
}

std::vector<std::string> flag_names(std::string_view command) {
    if (command == "events") return events_flag_names();
    if (command == "limits") return {"-a,--all", "--watch"};
    if (command == "top") return {"--once"};
    if (command == "latency")
        return {"-m,--mlockall", "-q,--quiet", "-S,--smp", "--default-system"};
    if (command == "watch") return {"--realtime", "--all", "--system"};
    return {};
}

CommandLine parse_command_line(int argc, const char* const* argv) {
    const Words words(argv, static_cast<std::size_t>(std::max(argc, 1)));
    if (argc < 2) return Stop{.status = kUsage, .out = {}, .err = general_help()};
    const std::string_view command = words[1];
    const Words rest = words.subspan(2);
    if (command == "run") return parse_run(rest);
    if (command == "watch") return parse_watch_command(rest);
    if (command == "top") return parse_top(rest);
    if (command == "limits") return parse_limits(rest);
    if (command == "latency") return parse_latency(rest);
    if (command == "doctor") return parse_doctor(rest);
    if (command == "events") return parse_events(rest);
    if (command == "status") return parse_status(rest);
    if (command == "test-sink") return parse_test_sink(rest);
    if (command == "-h" || command == "--help") return stop_with(general_help());
    if (command == "--version") return stop_with("brink " BRINK_VERSION "\n");
    return unknown_command(command);
}

}  // namespace brink::app
