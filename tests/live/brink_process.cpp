// SPDX-License-Identifier: Apache-2.0
#include "brink_process.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string_view>

namespace brink::live {
namespace {

// Only whole lines: the last may still be on its way.
std::string whole_lines(const std::string& text) {
    const std::size_t end = text.rfind('\n');
    return end == std::string::npos ? "" : text.substr(0, end + 1);
}

std::string test_name() {
    const testing::TestInfo* test = testing::UnitTest::GetInstance()->current_test_info();
    if (test == nullptr) return "outside";
    std::string name = std::string(test->test_suite_name()) + "." + test->name();
    std::replace(name.begin(), name.end(), '/', '_');
    return name;
}

void check_fields(const Event& event, const std::string& expected_engine) {
    static const std::set<std::string> kTypes = {"crossing", "initial", "denied", "limit_changed",
                                                 "exit",     "lost",    "resync", "action"};
    const std::string type = type_of(event);
    EXPECT_TRUE(kTypes.count(type) == 1) << brief(event);
    EXPECT_EQ(event.value("engine", ""), expected_engine) << brief(event);
    EXPECT_GT(number(event, "monotonic_ns"), 0) << brief(event);
    EXPECT_TRUE(event.contains("time")) << brief(event);
    if (type == "lost" || type == "action") return;
    const std::string resource = event.value("resource", "");
    EXPECT_FALSE(resource.empty()) << brief(event);
    const std::string scope = event.value("scope", "");
    const bool of_process = scope == "process" || scope == "thread";
    if (of_process) {
        EXPECT_GT(number(event, "pid"), 0) << brief(event);
    }
    if (type == "exit") return;
    static const std::set<std::string> kCounts = {"accept_queue",   "nofile",
                                                  "maps",           "threads",
                                                  "nproc",          "pids",
                                                  "sigpending",     "inotify_instances",
                                                  "inotify_watches"};
    const bool is_time = resource == "wakeup_latency";
    EXPECT_EQ(event.value("unit", ""), is_time                   ? "ns"
                                       : kCounts.count(resource) ? "1"
                                                                 : "By")
        << brief(event);
    EXPECT_GE(number(event, "usage"), 0) << brief(event);
    if (resource == "nofile" || !event.value("limit", Event()).is_null()) {
        EXPECT_GT(number(event, "limit"), 0) << brief(event);
        if (resource == "nofile" || !event.value("limit_hard", Event()).is_null()) {
            EXPECT_GE(number(event, "limit_hard"), number(event, "limit")) << brief(event);
        }
    }
    if (of_process) {
        EXPECT_FALSE(event.value("comm", "").empty()) << brief(event);
    }
    if (type != "crossing" && type != "initial") return;
    EXPECT_GT(number(event, "level"), 0) << brief(event);
    EXPECT_FALSE(event.value("level_as", "").empty()) << brief(event);
}

}  // namespace

std::string type_of(const Event& event) { return event.value("type", ""); }

long long number(const Event& event, const char* field) {
    const auto found = event.find(field);
    if (found != event.end() && found->is_number_integer()) return found->get<long long>();
    ADD_FAILURE() << "no integer \"" << field << "\" in " << event.dump();
    return -1;
}

Events of_type(const Events& events, const std::string& type) {
    Events found;
    std::copy_if(events.begin(), events.end(), std::back_inserter(found),
                 [&](const Event& event) { return type_of(event) == type; });
    return found;
}

Events of_pid(const Events& events, pid_t pid) {
    Events found;
    std::copy_if(events.begin(), events.end(), std::back_inserter(found),
                 [&](const Event& event) { return event.value("pid", -1) == pid; });
    return found;
}

std::map<pid_t, Events> by_pid(const Events& events) {
    std::map<pid_t, Events> found;
    for (const Event& event : events)
        if (event.contains("pid")) found[event["pid"].get<pid_t>()].push_back(event);
    return found;
}

std::vector<pid_t> pids_in(const Events& events) {
    std::set<pid_t> pids;
    for (const Event& event : events)
        if (event.contains("pid")) pids.insert(event["pid"].get<pid_t>());
    return {pids.begin(), pids.end()};
}

std::string brief(const Event& event) { return event.dump(); }

Events parse_events(const std::string& text) {
    Events events;
    std::istringstream lines(whole_lines(text));
    for (std::string line; std::getline(lines, line);) {
        Event event = Event::parse(line, nullptr, false);
        if (event.is_object())
            events.push_back(std::move(event));
        else
            ADD_FAILURE() << "not a JSON object: " << line;
    }
    return events;
}

void keep_for_schema_check(const std::string& text) {
    const char* folder = std::getenv("BRINK_EVENT_LOG_DIR");
    if (folder == nullptr || *folder == '\0') return;
    ::mkdir(folder, 0755);
    std::ofstream file(std::string(folder) + "/" + test_name() + ".jsonl",
                       std::ios::app | std::ios::binary);
    // Of hundreds of thousands the beginning, the end, and in between all that are no crossings.
    constexpr std::size_t kEach = 200000;
    const std::string lines = whole_lines(text);
    for (std::size_t at = 0, end = 0; at < lines.size(); at = end) {
        end = lines.find('\n', at) + 1;
        const bool middle = at > kEach && lines.size() - at > kEach;
        const std::string_view line(lines.data() + at, end - at);
        if (!middle || line.find("\"type\":\"crossing\"") == line.npos) file << line;
    }
}

void check_stream(const Events& events, const std::string& expected_engine, Operations operations) {
    long long next = 1;
    std::map<long long, long long> last_time;
    for (const Event& event : events) {
        // One failure says it; a hundred thousand say no more.
        if (testing::Test::HasFailure()) return;
        check_fields(event, expected_engine);
        const long long seq = number(event, "seq");
        if (type_of(event) == "lost") next += number(event, "lost");
        EXPECT_EQ(seq, next) << brief(event);
        next = seq + 1;
        // An action has the time when it was done, the events around it when they happened.
        if (operations == Operations::kOverlapping || type_of(event) == "action" ||
            !event.contains("pid") || !event.contains("monotonic_ns"))
            continue;
        long long& last = last_time[event["pid"].get<long long>()];
        EXPECT_GE(event["monotonic_ns"].get<long long>(), last) << brief(event);
        last = event["monotonic_ns"].get<long long>();
    }
}

void check_alternation(const Events& events) {
    std::map<std::string, std::string> last;
    for (const Event& event : events) {
        const std::string type = type_of(event);
        if (type != "crossing" && type != "initial") continue;
        const std::string level = event.value("level_as", "");
        const std::string side = type == "initial" ? "up" : event.value("direction", "");
        const auto [found, first] = last.try_emplace(level, "down");
        ASSERT_NE(found->second, side) << "twice in a row: " << brief(event);
        EXPECT_EQ(side == "up", number(event, "usage") >= number(event, "level")) << brief(event);
        found->second = side;
    }
}

std::vector<std::string> brink_arguments(const std::string& subcommand, const RunOptions& options) {
    std::vector<std::string> arguments = {brink_path(), subcommand, "-o", "json"};
    if (!options.engine.empty()) arguments.insert(arguments.end(), {"--engine", options.engine});
    for (const std::string& watch : options.watches)
        arguments.insert(arguments.end(), {"-w", watch});
    for (const std::string& action : options.actions)
        arguments.insert(arguments.end(), {"--on", action});
    arguments.insert(arguments.end(), options.further.begin(), options.further.end());
    return arguments;
}

BrinkRun::BrinkRun(const RunOptions& options, const std::vector<std::string>& command) {
    std::vector<std::string> arguments = brink_arguments("run", options);
    if (options.events == "file")
        arguments.insert(arguments.end(), {"--events", folder_ / "events"});
    arguments.push_back("--");
    arguments.insert(arguments.end(), command.begin(), command.end());
    child_ = std::make_unique<Child>(arguments, options.child);
}

BrinkRun::~BrinkRun() {
    const std::string said = child_->err();
    child_.reset();
    keep_for_schema_check(events_text());
    if (testing::Test::HasFailure())
        std::fprintf(stderr, "standard error of brink run:\n%s\n", said.c_str());
}

std::string BrinkRun::events_text() const { return read_file(folder_ / "events"); }
Events BrinkRun::events() const { return parse_events(events_text()); }

long BrinkRun::lines() const {
    const std::string text = events_text();
    return std::count(text.begin(), text.end(), '\n');
}

long BrinkRun::occurrences(const std::string& wanted) const {
    const std::string text = events_text();
    long found = 0;
    for (std::size_t at = text.find(wanted); at != std::string::npos;
         at = text.find(wanted, at + 1))
        ++found;
    return found;
}

bool BrinkRun::wait_for_event(const std::function<bool(const Event&)>& wanted) {
    return eventually([&] {
        const Events now = events();
        return std::any_of(now.begin(), now.end(), wanted);
    });
}

BrinkWatch::BrinkWatch(pid_t pid, const RunOptions& options, const std::string& by)
    : BrinkWatch({by, std::to_string(pid)}, options) {}

BrinkWatch::BrinkWatch(const std::vector<std::string>& subject, const RunOptions& options) {
    std::vector<std::string> arguments = brink_arguments("watch", options);
    arguments.insert(arguments.end(), subject.begin(), subject.end());
    child_ = std::make_unique<Child>(arguments, options.child);
}

BrinkWatch::~BrinkWatch() {
    const std::string said = child_->err();
    keep_for_schema_check(child_->out());
    child_.reset();
    if (testing::Test::HasFailure())
        std::fprintf(stderr, "standard error of brink watch:\n%s\n", said.c_str());
}

bool BrinkWatch::wait_for_event(const std::function<bool(const Event&)>& wanted) {
    // Each line is parsed once: there may be hundreds of thousands, and the machine may be slow.
    std::size_t position = 0;
    return eventually([&] {
        const std::string fresh = whole_lines(child_->out_from(position));
        position += fresh.size();
        const Events now = parse_events(fresh);
        return std::any_of(now.begin(), now.end(), wanted);
    });
}

Puppet::Puppet(const ChildOptions& options)
    : own_(std::make_unique<Child>(std::vector<std::string>{work("puppet")}, options)),
      child_(own_.get()) {
    pid_ = answer().first;
}

Puppet::Puppet(BrinkRun& run) : child_(&run.child()) { pid_ = answer().first; }

std::pair<pid_t, int> Puppet::answer() {
    const std::string line = child_->take_line();
    std::pair<pid_t, int> answer{0, -1};
    if (std::sscanf(line.c_str(), "%d %d", &answer.first, &answer.second) != 2)
        ADD_FAILURE() << "puppet answered: " << line;
    return answer;
}

int Puppet::operator()(const std::string& order) {
    child_->send(order);
    const auto [pid, error] = answer();
    answered_ = pid;
    return error;
}

bool Puppet::to(int count, int who) {
    const std::string prefix = who == 0 ? "" : "@" + std::to_string(who) + " ";
    return (*this)(prefix + "to " + std::to_string(count)) == 0;
}

}  // namespace brink::live
