// SPDX-License-Identifier: Apache-2.0
// An event as logs keep it: a priority, a sentence, and fields of text.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "output/output.hpp"

namespace brink::output {

struct LogEntry {
    int priority = 0;      ///< LOG_ERR, LOG_WARNING … of syslog(3)
    std::string_view id;   ///< the event's type, or "test"
    std::string sentence;  ///< "nofile 80% up: leaky[1234] at 820 of 1024"
    std::vector<std::pair<std::string_view, std::string>> fields;  ///< named as in the event
};

[[nodiscard]] LogEntry log_entry_of(const Entry& entry);

}  // namespace brink::output
