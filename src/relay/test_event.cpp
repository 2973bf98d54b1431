// SPDX-License-Identifier: Apache-2.0
#include "relay/test_event.hpp"

#include <unistd.h>

#include "base/clock.hpp"
#include "kernel/procfs.hpp"
#include "sink/json.hpp"

namespace brink::relay {

output::Entry test_entry(const std::string& host) {
    Event event;
    event.type = EventType::crossing;
    event.time_ns = clock_ns(CLOCK_REALTIME);
    event.monotonic_ns = monotonic_now_ns();
    event.seq = 1;
    event.resource = "test";
    event.scope = "system";
    event.direction = Direction::up;
    event.level = 80;
    event.level_as = "80%";
    event.usage = 80;
    event.has_limit = true;
    event.limit = 100;
    event.unit = "1";
    event.comm = "brink-test";
    event.engine = "relay";
    event.host = host;
    event.boot_id = kernel::Procfs().boot_id();
    std::string json = sink::to_json(event);
    return {0, std::move(event), std::move(json)};
}

}  // namespace brink::relay
