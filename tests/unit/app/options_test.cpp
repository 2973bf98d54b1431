// SPDX-License-Identifier: Apache-2.0
// What the command line becomes. What is said about wrong ones is in tests/golden.
#include "options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "help.hpp"

namespace brink::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

template <typename Options>
Options parse(std::vector<const char*> words) {
    words.insert(words.begin(), "brink");
    const CommandLine parsed = parse_command_line(static_cast<int>(words.size()), words.data());
    if (const Stop* stop = std::get_if<Stop>(&parsed);
        stop != nullptr && !std::is_same_v<Options, Stop>)
        ADD_FAILURE() << stop->err;
    const Options* options = std::get_if<Options>(&parsed);
    return options != nullptr ? *options : Options{};
}

TEST(Options, RunHasDefaults) {
    const auto run = parse<RunOptions>({"run", "true"});
    ASSERT_EQ(run.watches.size(), 1U);
    EXPECT_EQ(run.watches[0].text, "nofile=80%");
    EXPECT_TRUE(run.actions.empty());
    EXPECT_EQ(run.output, OutputFormat::text);
    EXPECT_EQ(run.engine, EngineChoice::automatic);
    EXPECT_FALSE(run.events);
    EXPECT_EQ(run.btf, "");
    EXPECT_EQ(run.restart_grace_ns, 10'000'000'000U);
    EXPECT_EQ(run.restart_delay_ns, 1'000'000'000U);
    EXPECT_EQ(run.restart_max, 5U);
    EXPECT_EQ(run.max_subjects, 4096U);
    EXPECT_THAT(run.command, ElementsAre("true"));
}

TEST(Options, RunReadsAll) {
    const auto run = parse<RunOptions>({"run",
                                        "-w",
                                        "nofile=50%,95%",
                                        "-wnofile=-20",
                                        "--on",
                                        "95%=restart",
                                        "--on",
                                        "-20=signal:USR1",
                                        "-o",
                                        "json",
                                        "--events=out.json",
                                        "--engine",
                                        "poll",
                                        "--btf",
                                        "/dev/null",
                                        "--poll-interval",
                                        "5ms,2s",
                                        "--max-subjects",
                                        "10",
                                        "--restart-grace",
                                        "5s",
                                        "--restart-delay",
                                        "100ms",
                                        "--restart-max",
                                        "0",
                                        "--",
                                        "cmd",
                                        "-x"});
    ASSERT_EQ(run.watches.size(), 2U);
    EXPECT_EQ(run.watches[1].levels[0].form, engine::LevelForm::below);
    ASSERT_EQ(run.actions.size(), 2U);
    EXPECT_EQ(run.actions[1].level, "-20");
    EXPECT_EQ(run.output, OutputFormat::json);
    EXPECT_EQ(run.events->path, "out.json");
    EXPECT_EQ(run.engine, EngineChoice::poll);
    EXPECT_EQ(run.btf, "/dev/null");
    EXPECT_EQ(run.poll_shortest_ns, 5'000'000U);
    EXPECT_EQ(run.poll_longest_ns, 2'000'000'000U);
    EXPECT_EQ(run.max_subjects, 10U);
    EXPECT_EQ(run.restart_grace_ns, 5'000'000'000U);
    EXPECT_EQ(run.restart_delay_ns, 100'000'000U);
    EXPECT_EQ(run.restart_max, 0U);
    EXPECT_THAT(run.command, ElementsAre("cmd", "-x"));
}

TEST(Options, WhatFollowsTheCommandIsTheCommands) {
    EXPECT_THAT(parse<RunOptions>({"run", "ls", "-w", "--help", "--", "x"}).command,
                ElementsAre("ls", "-w", "--help", "--", "x"));
    EXPECT_THAT(parse<RunOptions>({"run", "--", "ls", "--", "x"}).command,
                ElementsAre("ls", "--", "x"));
    EXPECT_THAT(parse<RunOptions>({"run", "--", "-odd", "x"}).command, ElementsAre("-odd", "x"));
    EXPECT_THAT(parse<RunOptions>({"run", "-o", "json", "run", "run"}).command,
                ElementsAre("run", "run"));
    EXPECT_THAT(parse<RunOptions>({"run", "cmd", "", "[a,b]", "a b"}).command,
                ElementsAre("cmd", "", "[a,b]", "a b"));
}

TEST(Options, ValuesAreTakenAsTheyAre) {
    const auto run = parse<RunOptions>({"run", "--on", "80%=exec:a,b [c,d] \"e\" %x", "true"});
    EXPECT_EQ(run.actions.at(0).command, "a,b [c,d] \"e\" %x");
    EXPECT_EQ(parse<RunOptions>({"run", "--events", "[a,b]", "true"}).events->path, "[a,b]");
    EXPECT_EQ(parse<RunOptions>({"run", "--events", "fd:2", "true"}).events->fd, 2);
}

TEST(Options, WatchTakesAProcessOrAThread) {
    const auto process = parse<WatchOptions>({"watch", "--pid", "4321", "-o", "json"});
    EXPECT_EQ(process.pid, 4321);
    EXPECT_FALSE(process.thread);
    EXPECT_EQ(process.watches.at(0).text, kDefaultWatch);
    const auto thread = parse<WatchOptions>({"watch", "--tid=77"});
    EXPECT_EQ(thread.pid, 77);
    EXPECT_TRUE(thread.thread);
}

TEST(Options, DoctorReadsAll) {
    const auto doctor = parse<DoctorOptions>({"doctor", "-o", "json", "--btf", "/dev/null"});
    EXPECT_EQ(doctor.output, OutputFormat::json);
    EXPECT_EQ(doctor.btf, "/dev/null");
}

std::vector<std::string> names_of(const char* command) {
    std::vector<std::string> names = option_names(command);
    for (const std::string& flag : flag_names(command)) names.push_back(flag);
    return names;
}

TEST(Options, LimitsHasDefaults) {
    const auto limits = parse<LimitsOptions>({"limits"});
    EXPECT_EQ(limits.resources.size(), resources().size());
    EXPECT_FALSE(limits.every_subject);
    EXPECT_FALSE(limits.lines);
    EXPECT_FALSE(limits.again);
    EXPECT_EQ(limits.output, OutputFormat::text);
}

TEST(Options, LimitsReadsAll) {
    const auto limits = parse<LimitsOptions>({"limits", "-r", "nofile,as", "--resource=nofile",
                                              "-n", "7", "--watch", "--interval", "500ms", "-o",
                                              "json"});
    EXPECT_THAT(limits.resources, ElementsAre(find_resource("nofile"), find_resource("as")));
    EXPECT_TRUE(limits.every_subject);
    EXPECT_EQ(limits.lines, 7U);
    EXPECT_TRUE(limits.again);
    EXPECT_EQ(limits.interval_ns, 500'000'000U);
    EXPECT_EQ(limits.output, OutputFormat::json);
    EXPECT_TRUE(parse<LimitsOptions>({"limits", "-a"}).every_subject);
}

TEST(Options, EventsReadsAll) {
    const auto plain = parse<EventsOptions>({"events"});
    EXPECT_EQ(plain.history, "/var/lib/brink/events.db");
    EXPECT_TRUE(plain.query.resources.empty());
    EXPECT_FALSE(plain.query.last);
    EXPECT_FALSE(plain.follow || plain.forecast);
    const auto events = parse<EventsOptions>(
        {"events", "--since",   "@10",   "--until",   "@20",    "-r", "nofile,as",
         "--type", "exit,lost", "--pid", "7",         "--comm", "x",  "--unit",
         "web",    "--cgroup",  "/a/",   "--user",    "0",      "-n", "5",
         "-f",     "-o",        "csv",   "--history", "h.db"});
    EXPECT_EQ(events.query.since_ns, 10'000'000'000);
    EXPECT_EQ(events.query.until_ns, 20'000'000'000);
    EXPECT_THAT(events.query.resources, ElementsAre("nofile", "as"));
    EXPECT_THAT(events.query.types, ElementsAre(EventType::exit, EventType::lost));
    EXPECT_EQ(events.query.pid, 7);
    EXPECT_EQ(events.query.uid, 0U);
    EXPECT_EQ(events.query.comm, "x");
    EXPECT_EQ(events.query.unit_name, "web.service");
    EXPECT_EQ(events.query.cgroup, "/a");
    EXPECT_EQ(events.query.last, 5U);
    EXPECT_TRUE(events.follow);
    EXPECT_EQ(events.format, EventsFormat::csv);
    EXPECT_EQ(events.history, "h.db");
    EXPECT_TRUE(parse<EventsOptions>({"events", "--forecast"}).forecast);
}

TEST(Options, LatencyReadsWhatCyclictestReads) {
    const auto latency = parse<LatencyOptions>({"latency", "-t", "-p", "80", "-i", "200", "-D",
                                                "1m", "-h", "400", "-m", "-a", "0-1,3", "-d", "0",
                                                "-q"});
    EXPECT_FALSE(latency.threads);
    EXPECT_EQ(latency.policy, SCHED_FIFO);
    EXPECT_EQ(latency.priority, 80);
    EXPECT_EQ(latency.interval_ns, 200'000U);
    EXPECT_EQ(latency.duration_ns, 60'000'000'000U);
    EXPECT_EQ(latency.histogram_ns, 400'000U);
    EXPECT_EQ(latency.cpus, (std::vector<std::uint32_t>{0, 1, 3}));
    EXPECT_TRUE(latency.lock_memory);
    EXPECT_TRUE(latency.quiet);
}

TEST(Options, LatencyReadsUnitsAndNumbers) {
    const auto latency = parse<LatencyOptions>({"latency", "--threads", "3", "-a", "-i", "2ms",
                                                "-D", "5", "-l", "7", "--policy", "batch"});
    EXPECT_EQ(latency.threads, 3U);
    EXPECT_TRUE(latency.cpus.empty());
    EXPECT_EQ(latency.interval_ns, 2'000'000U);
    EXPECT_EQ(latency.duration_ns, 5'000'000'000U);
    EXPECT_EQ(latency.loops, 7U);
    EXPECT_EQ(latency.policy, SCHED_BATCH);
}

TEST(Options, HelpNamesEveryOption) {
    const std::pair<const char*, std::string> commands[] = {
        {"run", run_help()},       {"watch", watch_help()},     {"top", top_help()},
        {"limits", limits_help()}, {"latency", latency_help()}, {"doctor", doctor_help()},
        {"events", events_help()}, {"status", status_help()},   {"test-sink", test_sink_help()}};
    for (const auto& [command, help] : commands) {
        for (const std::string& option : names_of(command)) {
            const std::string name = option.substr(option.find("--"));
            EXPECT_THAT(help, HasSubstr(" " + name)) << command;
        }
        EXPECT_THAT(help, HasSubstr("--help"));
    }
}

// The manual writes every hyphen of an option as "\\-".
std::string read_document(const std::string& path) {
    std::ifstream file(BRINK_SOURCE_DIR "/" + path);
    std::string text(std::istreambuf_iterator<char>(file), {});
    std::erase(text, '\\');
    return text;
}

TEST(Options, ManualAndCompletionsNameEveryOption) {
    for (const char* path :
         {"docs/man/brink.1", "packaging/completion/brink.bash", "packaging/completion/_brink"}) {
        const std::string text = read_document(path);
        for (const char* command : {"run", "watch", "top", "limits", "latency", "doctor", "events",
                                    "status", "test-sink"})
            for (const std::string& option : names_of(command))
                EXPECT_THAT(text, HasSubstr(option.substr(option.find("--")))) << path;
    }
}

TEST(Options, HelpFitsTheTerminal) {
    for (const std::string& help :
         {general_help(), run_help(), watch_help(), top_help(), limits_help(), latency_help(),
          doctor_help(), events_help(), status_help(), test_sink_help()}) {
        std::size_t column = 0;
        for (const char c : help) {
            column = c == '\n' ? 0 : column + 1;
            ASSERT_LE(column, 80U) << help;
            ASSERT_GE(c, 0);
        }
    }
}

TEST(Options, HelpNamesEveryResource) {
    for (const Resource* resource : resources()) {
        const std::string name = "\n  " + std::string(resource->name) + " ";
        EXPECT_THAT(limits_help(), HasSubstr(name));
        EXPECT_EQ(run_help().find(name) != std::string::npos,
                  resource->watchable() && resource->scope == Scope::process)
            << name;
    }
}

}  // namespace
}  // namespace brink::app
