// SPDX-License-Identifier: Apache-2.0
// The independent oracle: from the count that a workload logged after every operation, and the levels of a watch, the
// events that brink must have written, and the comparison. It knows product.md and nothing of how brink counts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "brink_process.hpp"
#include "work/count_log.hpp"

namespace brink::live {

// What `-w nofile=…` says.
struct WatchedLevels {
    std::vector<std::string> levels;  // as typed; without units
    bool up = true;
    bool down = true;
    std::string rearm = {};
    bool inherit = true;
    std::string resource = "nofile";

    std::string spec() const;
};

// The value of a level under a limit; none when it is dormant there.
std::optional<std::uint64_t> level_value(const std::string& level, std::uint64_t limit);

// One event, or several whose order is free, that must come next.
struct ExpectedEvent {
    std::string type;       // crossing, initial, limit_changed, exit
    std::string direction;  // of a crossing
    std::string level_as;
    std::uint64_t level = 0;
    // Equal, where it is known that the operation was one change.
    std::uint64_t least_usage = 0, most_usage = 0;
    std::uint64_t limit = 0;
    bool by_limit = false;
    std::string where;  // for the message: which operation
};
using ExpectedEvents = std::vector<ExpectedEvent>;

class Oracle {
  public:
    // `count` is what the subject has when the watch begins, and it is told the `initial` events if it stands above.
    Oracle(WatchedLevels watched, std::uint64_t count, std::uint64_t limit);

    void initial(const std::string& where);
    void step(std::uint64_t count, std::uint64_t limit, const std::string& where);
    void exit(bool named);
    const ExpectedEvents& events() const { return events_; }

  private:
    struct Side {
        std::string level;
        bool above;
    };
    void change_limit(std::uint64_t limit, const std::string& where);
    std::optional<std::uint64_t> leave_value(const std::string& level, std::uint64_t limit) const;
    bool side_after(const Side& side, std::uint64_t count, std::uint64_t limit) const;
    std::vector<Side*> by_value(bool descending);
    void report(const Side& side, bool up, std::uint64_t from, std::uint64_t to, bool by_limit,
                const std::string& where);

    WatchedLevels watched_;
    std::vector<Side> sides_;
    std::uint64_t count_;
    std::uint64_t limit_;
    ExpectedEvents events_;
};

// Compares without `denied` and `action`. Events by a changed limit may come in any order among themselves.
void check_events(const Events& actual, const ExpectedEvents& expected);

// Everything the log says, for the process that wrote it and for the children it had.
void check_against_log(const Events& events, const work::CountLog& log,
                       const WatchedLevels& watched);

}  // namespace brink::live
