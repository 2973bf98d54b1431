// SPDX-License-Identifier: Apache-2.0
// Series: what is known of each subject from its events, for whoever asks. Its size is bounded by a rule: a subject is a
// resource with the name of a unit, command, cgroup or user, not a process; of the processes that share a name the one nearest to
// its limit is shown. When a new subject finds no room, the one that ended longest ago makes place; where none has
// ended, it is counted under the name "other".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "brink/event.hpp"
#include "output/shared/exposition.hpp"

namespace brink::output {

class Series {
  public:
    explicit Series(std::size_t most_subjects) : most_(most_subjects) {}

    /// Where subjects stand; nothing is counted.
    void place(const Event& event, const std::string& host) { (void)stand(event, host); }
    /// The same, and counts.
    void count(const Event& event, const std::string& host);

    void write(Exposition& to) const;

    [[nodiscard]] std::size_t subjects() const { return subjects_.size(); }

  private:
    struct Standing {
        std::optional<std::uint64_t> usage;
        std::optional<std::uint64_t> limit;
        std::int64_t time_ns = 0;
    };
    struct Counter {
        std::uint64_t count = 0;
        Exemplar exemplar;
    };
    // Host, resource, scope, name.
    using Key = std::tuple<std::string, std::string, std::string, std::string>;
    struct Subject {
        std::string unit;
        std::map<std::pair<std::int32_t, std::uint64_t>, Standing> processes;  // pid, start time
        std::map<std::pair<std::string, std::string>, Counter> crossings;      // level, direction
        std::map<std::string, Counter> denials;                                // errno's name
        std::int64_t ended_ns = 0;  // 0: there is a process, or another subject that lives

        [[nodiscard]] const Standing* nearest() const;
    };

    Subject& stand(const Event& event, const std::string& host);
    Subject& find(const Event& event, const std::string& host);
    [[nodiscard]] bool make_room();
    void write_gauges(Exposition& to) const;
    void write_counters(Exposition& to) const;

    std::size_t most_;
    std::map<Key, Subject> subjects_;
    std::map<std::pair<std::string, std::string>, std::uint64_t> actions_;  // kind, result
    std::uint64_t lost_ = 0;
    std::uint64_t folded_ = 0;  // events that were counted under "other"
};

}  // namespace brink::output
