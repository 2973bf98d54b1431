// SPDX-License-Identifier: Apache-2.0
// `brink run` and `brink watch` as the tests start them, and the events they write.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>

#include "child.hpp"
#include "machine.hpp"

namespace brink::live {

using Event = nlohmann::json;
using Events = std::vector<Event>;

std::string type_of(const Event& event);
long long number(const Event& event,
                 const char* field);  // fails the test when it is not an integer
Events of_type(const Events& events, const std::string& type);
Events of_pid(const Events& events, pid_t pid);
std::map<pid_t, Events> by_pid(const Events& events);
std::vector<pid_t> pids_in(const Events& events);
std::string brief(const Event& event);

// One line at a time; a line that is no JSON object fails the test. The raw lines also go into BRINK_EVENT_LOG_DIR.
Events parse_events(const std::string& text);
void keep_for_schema_check(const std::string& text);

// What holds for every stream: numbered from 1 without gaps but for what `lost` states, the engine
// that was asked for, types and fields of product.md, and times that do not go back within a subject.
// Only operations that overlap may have been stamped in another order than they took effect.
enum class Operations { kOneByOne, kOverlapping };
void check_stream(const Events& events, const std::string& expected_engine = engine(),
                  Operations operations = Operations::kOneByOne);

// Up and down in turn for each level (after an `initial` the next is down), with the usage on the right side.
// `above` are the levels that the subject stood above to begin with.
void check_alternation(const Events& events_of_one_subject);

struct RunOptions {
    std::vector<std::string> watches = {};  // each -w
    std::vector<std::string> actions = {};  // each --on
    std::vector<std::string> further = {};  // further arguments of brink
    std::string engine = live::engine();
    std::string events = "file";  // `file`, or "" for standard error
    ChildOptions child = {};
};

class BrinkRun {
  public:
    BrinkRun(const RunOptions& options, const std::vector<std::string>& command);
    ~BrinkRun();

    Child& child() { return *child_; }
    // The line on standard error that says that the watch is in force.
    bool wait_ready() { return child_->wait_for_error_line(kReady); }
    std::string events_text() const;
    Events events() const;                            // what has been written so far
    long lines() const;                               // how many events that is
    long occurrences(const std::string& text) const;  // in what has been written so far
    bool wait_for_event(const std::function<bool(const Event&)>& wanted);
    // Waits for the end; the status as a shell has it.
    int wait() { return shell_status(child_->wait()); }

    static constexpr const char* kReady =
        R"(^brink: watching .*\bengine (kernel|tracepoint|poll)\b)";

  private:
    ScratchFolder folder_;
    std::unique_ptr<Child> child_;
};

class BrinkWatch {
  public:
    explicit BrinkWatch(pid_t pid, const RunOptions& options, const std::string& by = "--pid");
    // `subject`: whatever names whom to watch: {"--comm", "leaky"}.
    BrinkWatch(const std::vector<std::string>& subject, const RunOptions& options);
    ~BrinkWatch();

    Child& child() { return *child_; }
    bool wait_ready() { return child_->wait_for_error_line(BrinkRun::kReady); }
    Events events() { return parse_events(child_->out()); }
    bool wait_for_event(const std::function<bool(const Event&)>& wanted);
    int wait() { return shell_status(child_->wait()); }

  private:
    std::unique_ptr<Child> child_;
};

// The arguments that make brink run or watch as the options say, up to but without the command.
std::vector<std::string> brink_arguments(const std::string& subcommand, const RunOptions& options);

// The workload `puppet`, under `brink run` or alone.
class Puppet {
  public:
    explicit Puppet(const ChildOptions& options = {});
    explicit Puppet(BrinkRun& run);  // of which puppet is the command

    Child& child() { return *child_; }
    pid_t pid() const { return pid_; }
    // Carries out one order; returns the errno it ended with.
    int operator()(const std::string& order);
    pid_t last_pid() const { return answered_; }  // of whoever carried out the last order
    bool to(int count, int who = 0);

  private:
    std::pair<pid_t, int> answer();

    std::unique_ptr<Child> own_;
    Child* child_;
    pid_t pid_ = 0;
    pid_t answered_ = 0;
};

}  // namespace brink::live
