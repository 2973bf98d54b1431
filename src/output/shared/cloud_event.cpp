// SPDX-License-Identifier: Apache-2.0
#include "output/shared/cloud_event.hpp"

#include <fmt/format.h>

#include "output/shared/subject.hpp"
#include "sink/json.hpp"

namespace brink::output {

std::vector<std::pair<std::string, std::string>> cloud_attributes_of(const Entry& entry,
                                                                     const std::string& host,
                                                                     const std::string& source) {
    const Event& event = entry.event;
    return {{"id", entry.is_test() ? fmt::format("test-{}", event.time_ns)
                                   : fmt::format("{}-{}", event.boot_id, entry.number)},
            {"source", source.empty() ? "/brink/" + plain_name(host_of(event, host), ".") : source},
            {"specversion", "1.0"},
            {"type",
             fmt::format("brink.{}", entry.is_test() ? "test" : sink::type_name(event.type))},
            {"time", sink::utc_time(event.time_ns)},
            {"subject", subject_name(event)}};
}

}  // namespace brink::output
