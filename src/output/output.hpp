// SPDX-License-Identifier: Apache-2.0
// What a file of src/output defines: a way for events to reach a program that others run. The relay (src/relay) reads the
// history and hands entries over, in order; it keeps the place where to go on, decides when to try again, and says what
// became of it. An output knows its receiver and nothing else.
//
// An output lives in one thread, which is its own: deliver() may block, as long as its time-out says.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "brink/event.hpp"
#include "output/shared/settings.hpp"

namespace brink::output {

class States;

/// One event on its way.
struct Entry {
    std::uint64_t number = 0;  ///< in the history; 0: a test event, to be marked as one
    Event event;
    std::string json;  ///< the event's line

    [[nodiscard]] bool is_test() const { return number == 0; }
};

/// What came back.
struct Answer {
    enum class Kind {
        taken,    ///< the first `entries` of those that were handed over: never again
        refused,  ///< the first `entries` will not be taken, however often they are sent
        failed,   ///< nothing is known to have been taken: the same entries again, later
    };
    Kind kind = Kind::failed;
    std::size_t entries = 0;
    std::string text;  ///< one line: what the receiver said, or what went wrong

    [[nodiscard]] static Answer taken(std::size_t entries, std::string text) {
        return {Kind::taken, entries, std::move(text)};
    }
    [[nodiscard]] static Answer refused(std::size_t entries, std::string text) {
        return {Kind::refused, entries, std::move(text)};
    }
    [[nodiscard]] static Answer failed(std::string text) {
        return {Kind::failed, 0, std::move(text)};
    }
};

/// What every output is told of where it runs.
struct Surroundings {
    std::string name;                ///< of the output: [output.NAME]
    std::string host;                ///< of this machine, for events that do not say theirs
    int stop_fd = -1;                ///< readable when the relay ends: blocking is over then
    const States* states = nullptr;  ///< of all outputs: one that reports on the relay reads them
};

class Output {
  public:
    Output() = default;
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;
    virtual ~Output() = default;

    /// Before anything else; called again, later, after an error.
    [[nodiscard]] virtual Result<void> start() { return {}; }

    /// How many entries deliver() may be handed at once.
    [[nodiscard]] virtual std::size_t most_together() const { return 1; }

    /// Whether it keeps a state that follows from what was delivered before: recall() then gets, after each start of the
    /// relay, what the history still has of it.
    [[nodiscard]] virtual bool wants_past() const { return false; }
    virtual void recall(const Entry&) {}

    /// REQUIRES: `entries` is not empty; a test event comes alone.
    [[nodiscard]] virtual Answer deliver(std::span<const Entry> entries) = 0;

    /// serve() is called when fd() is readable, and when wait_ms() has passed; nothing of it by default.
    [[nodiscard]] virtual int fd() const { return -1; }
    [[nodiscard]] virtual std::optional<int> wait_ms() const { return std::nullopt; }
    virtual void serve() {}
};

/// A row of the table of outputs.
struct Definition {
    std::string_view type;     ///< as in the configuration: type = "webhook"
    std::string_view summary;  ///< one line, for the help

    /// Reads its settings and reaches for nothing outside. What is wrong with them is said to `settings`; the output is not
    /// used then.
    std::unique_ptr<Output> (*make)(Settings& settings, const Surroundings& surroundings) = nullptr;
};

}  // namespace brink::output
