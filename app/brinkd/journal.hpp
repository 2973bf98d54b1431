// SPDX-License-Identifier: Apache-2.0
// Journal: what brinkd says: to journald with structured fields where systemd has connected it, else as lines on standard
// error.
#pragma once

#include <string>

#include "brink/event.hpp"

namespace brink::app {

/// As in syslog(3).
enum class Priority { error = 3, warning = 4, notice = 5, info = 6 };

class Journal {
  public:
    /// Finds out where standard error goes ($JOURNAL_STREAM, systemd.exec(5)).
    Journal();

    void say(Priority priority, const std::string& message) const;

    /// With the fields BRINK_TYPE, _RULE, _RESOURCE, _LEVEL_AS, _USAGE, _LIMIT, _PID, _COMM, _UNIT, _ACTION, _RESULT, _JSON;
    /// what does not apply is left out. Where the text has several lines, they are one entry.
    void say(Priority priority, const Event& event) const;

  private:
    bool journald_;
};

/// How much an event of a rule weighs: what went up or was refused more than what went down.
[[nodiscard]] Priority priority_of(const Event& event);

}  // namespace brink::app
