// SPDX-License-Identifier: Apache-2.0
// The command line as data: what each subcommand was asked to do.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/action_spec.hpp"
#include "engine/selection.hpp"
#include "engine/watch_spec.hpp"
#include "relay/control_socket.hpp"
#include "store/history_query.hpp"

namespace brink::app {

enum class OutputFormat { text, json };
enum class EngineChoice { automatic, kernel, tracepoint, poll };

/// Where events go instead of standard error (run) or standard output (watch).
struct EventsTo {
    std::string path;  ///< a file, created or appended to; empty: `fd`
    int fd = -1;       ///< an open descriptor that brink was started with
};

/// What `run` and `watch` share.
struct MonitorOptions {
    std::vector<engine::WatchSpec> watches;   ///< at least one: kDefaultWatch if none was given
    std::vector<engine::ActionSpec> actions;  ///< each belongs to a level of `watches`
    OutputFormat output = OutputFormat::text;
    std::optional<EventsTo> events;
    EngineChoice engine = EngineChoice::automatic;
    std::string btf;                                ///< empty: the running kernel's own
    std::uint64_t poll_shortest_ns = 10'000'000;    ///< engine `poll`: bounds of its interval
    std::uint64_t poll_longest_ns = 1'000'000'000;  ///< not less than poll_shortest_ns
    std::size_t max_subjects = 4096;                ///< processes watched at once
    std::optional<engine::Selection>
        selection;  ///< `watch`: who, where it is more than one process
};

struct RunOptions : MonitorOptions {
    std::vector<std::string> command;                 ///< at least one word
    std::uint64_t restart_grace_ns = 10'000'000'000;  ///< from TERM to KILL
    /// Before the first restart; it grows as action::RestartPolicy says.
    std::uint64_t restart_delay_ns = 1'000'000'000;
    std::uint64_t restart_max = 5;  ///< restarts in any one hour
};

struct WatchOptions : MonitorOptions {
    pid_t pid = 0;        ///< > 0, unless there is a selection. A tid where `thread`
    bool thread = false;  ///< --tid: one thread, not the process it belongs to
};

struct DoctorOptions {
    OutputFormat output = OutputFormat::text;
    std::string btf;
};

/// What `limits` and `top` have in common.
struct LookOptions {
    std::vector<const Resource*>
        resources;                     ///< those to be read: all of them unless some were named
    std::optional<std::size_t> lines;  ///< of one table: the first so many only
    std::uint64_t interval_ns = 2'000'000'000;
    EngineChoice engine = EngineChoice::automatic;  ///< not tracepoint
    OutputFormat output = OutputFormat::text;       ///< of one table
};

struct TopOptions : LookOptions {
    bool once = false;  ///< one table, not a screen
};

struct LimitsOptions : LookOptions {
    bool every_subject = false;  ///< not only the nearest of each resource
    bool again = false;          ///< read again and again, until it is interrupted
};

enum class EventsFormat { text, json, csv };

struct EventsOptions {
    std::string history = store::kDefaultHistory;
    store::HistoryQuery query;
    EventsFormat format = EventsFormat::text;
    bool follow = false;    ///< what comes, too
    bool forecast = false;  ///< not the events, but when limits will be reached
};

struct StatusOptions {
    std::string socket;  ///< of the daemon's clients; empty: where it is unless told otherwise
    std::string control = relay::kDefaultControl;  ///< of brink-relay
    OutputFormat output = OutputFormat::text;
};

struct LatencyOptions {
    std::optional<std::size_t> threads;  ///< nullopt: one for each of `cpus`
    std::vector<std::uint32_t>
        cpus;  ///< that threads are pinned to, in turn; empty: all that brink may use
    int policy = SCHED_OTHER;
    int priority = 0;
    std::uint64_t interval_ns = 1'000'000;
    std::uint64_t distance_ns =
        0;  ///< that the interval of each thread is longer than that of the one before
    std::uint64_t duration_ns = 0;   ///< 0: until interrupted
    std::uint64_t loops = 0;         ///< of each thread; 0: any number
    std::uint64_t histogram_ns = 0;  ///< 0: none is shown; else up to where
    std::size_t worst = 5;
    std::string plot;     ///< a file for the picture; empty: none
    std::string samples;  ///< a file for every sample; empty: none
    OutputFormat output = OutputFormat::text;
    std::string btf;
    bool lock_memory = false;
    bool quiet = false;
    bool default_system = false;  ///< idle states are left as they are
};

struct TestSinkOptions {
    std::string name;  ///< of an output of brink-relay
    std::string control = relay::kDefaultControl;
    OutputFormat output = OutputFormat::text;
};

/// Nothing is to be done but to print, and to end with `status`.
struct Stop {
    int status = 0;
    std::string out;  ///< for standard output
    std::string err;  ///< for standard error
};

using CommandLine =
    std::variant<RunOptions, WatchOptions, TopOptions, LimitsOptions, LatencyOptions, DoctorOptions,
                 EventsOptions, StatusOptions, TestSinkOptions, Stop>;

inline constexpr std::string_view kDefaultWatch = "nofile=80%";

/// Reads the command line. Help, the version, and what is wrong with the arguments come back as
/// Stop. Has no side effects.
[[nodiscard]] CommandLine parse_command_line(int argc, const char* const* argv);

/// The options of subcommand `command` ("run") that take a value, each as "--pid" or "-w,--watch", and those that take
/// none. For the tests that hold help, manual and completions against them.
[[nodiscard]] std::vector<std::string> option_names(std::string_view command);
[[nodiscard]] std::vector<std::string> flag_names(std::string_view command);

}  // namespace brink::app
