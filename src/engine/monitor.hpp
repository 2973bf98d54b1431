// SPDX-License-Identifier: Apache-2.0
// Monitor: watches with their actions on one source of records, and the stream of events that comes
// of them: records become events with the level as typed, the names of things, and a number.
//
// One thread. The source and all watches end with it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "brink/event.hpp"
#include "engine/action_spec.hpp"
#include "engine/record_source.hpp"
#include "engine/watch_spec.hpp"
#include "kernel/procfs.hpp"

namespace brink::engine {

/// What goes with an event but not into it. Lives for the call only.
struct Context {
    std::vector<const ActionSpec*> actions;     ///< to be done now (those the hook did: `done`)
    std::vector<const ActionSpec*> done;        ///< signals that the hook has sent already
    const brink_stack_record* stack = nullptr;  ///< of the operation that crossed
    std::int32_t stack_pid = 0;                 ///< whose stack it is, in our pid namespace
    bool named = false;                         ///< the subject was named by the user
};

class Monitor {
  public:
    using Handler = std::function<void(const Event&, const Context&)>;

    /// `actions` must match levels of `watches` (the command line has checked that).
    [[nodiscard]] static Result<std::unique_ptr<Monitor>> create(
        std::unique_ptr<RecordSource> source, std::vector<WatchSpec> watches,
        std::vector<ActionSpec> actions);

    /// Sets every watch on `target`.
    [[nodiscard]] Result<void> bind(const Target& target);

    /// Sets every watch on what `selection` means.
    [[nodiscard]] Result<void> select(const Selection& selection);

    [[nodiscard]] RecordSource& source() { return *source_; }
    [[nodiscard]] const RecordSource& source() const { return *source_; }
    [[nodiscard]] const std::vector<WatchSpec>& watches() const { return watches_; }

    /// Hands over what has happened. Call when source().fd() is readable or its time-out is over.
    void read(const Handler& handler);

    /// An `action` event that answers `cause`.
    [[nodiscard]] Event action_event(const Event& cause, const ActionSpec& action);

    /// Gives `event` its time and its number.
    void stamp(Event& event);

  private:
    struct Names {  // of one subject, looked up once for each program it executes
        std::uint32_t generation = 0;
        std::string comm;
        std::string exe;
        std::string cgroup;
        std::uint64_t cgroup_id = 0;
        std::uint64_t start_time = 0;
    };

    Monitor(std::unique_ptr<RecordSource> source, std::vector<WatchSpec> watches,
            std::vector<ActionSpec> actions);
    void take(const brink_record& record, const brink_stack_record* stack, const Handler& handler);
    [[nodiscard]] bool said_by_another_watch(const brink_record& record) const;
    [[nodiscard]] Event event_of(const brink_record& record);
    void set_subject(Event& event, const brink_record& record,
                     const resource::Subject& subject) const;
    void set_process(Event& event, const brink_record& record);
    void set_level(Event& event, const brink_record& record) const;
    [[nodiscard]] Context context_of(const Event& event, const brink_record& record,
                                     const brink_stack_record* stack) const;
    [[nodiscard]] const Names& names_of(const brink_record& record);
    void say_lost(std::uint64_t most, const Handler& handler);

    std::unique_ptr<RecordSource> source_;
    std::vector<WatchSpec> watches_;
    std::vector<ActionSpec> actions_;
    kernel::Procfs procfs_;
    std::unordered_map<std::uint32_t, Names> names_;  // by tally
    std::string host_;
    std::string boot_id_;
    std::uint64_t seq_ = 0;
    std::uint64_t lost_ = 0;
};

}  // namespace brink::engine
