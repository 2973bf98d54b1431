// SPDX-License-Identifier: Apache-2.0
#include "broker/event_record.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace brink::broker {
namespace {

struct Types {
    std::uint32_t record;
    std::uint32_t event;
};
constexpr std::array kTypes = {
    Types{BRINK_RECORD_CROSSING, BRINK_EVENT_CROSSING},
    Types{BRINK_RECORD_INITIAL, BRINK_EVENT_INITIAL},
    Types{BRINK_RECORD_DENIED, BRINK_EVENT_DENIED},
    Types{BRINK_RECORD_LIMIT, BRINK_EVENT_LIMIT_CHANGED},
    Types{BRINK_RECORD_EXIT, BRINK_EVENT_EXIT},
    Types{BRINK_RECORD_RESYNC, BRINK_EVENT_RESYNC},
};
static_assert(int{BRINK_CAUSE_OPERATION} == int{BRINK_BY_OPERATION} &&
              int{BRINK_CAUSE_LIMIT} == int{BRINK_BY_LIMIT} &&
              int{BRINK_CAUSE_EXIT} == int{BRINK_BY_EXIT});
static_assert(sizeof(brink_event::comm) == sizeof(brink_record::comm));

constexpr std::array<std::string_view, 5> kEngines = {"", "kernel", "tracepoint", "poll", "timer"};

void set_subject(brink_event& event, const brink_record& record, const Peer& peer) {
    event.subject = std::uint64_t{record.generation} << 32U | record.tally;
    event.start_time_ns = record.start_time_ns;
    // Hooks know the namespace of the owner; other engines have our own numbers.
    const bool hooks = event.engine == BRINK_KERNEL || event.engine == BRINK_TRACEPOINT;
    const auto number = [&](brink_u32 pid) {
        const auto own = static_cast<pid_t>(pid);
        return hooks || !own ? own : peer.their_pid(own);
    };
    event.pid = number(record.ns_pid);
    event.tid = number(record.ns_tid);
    event.ppid = number(record.ppid);
    event.uid = peer.their_uid(record.uid);
    event.cgroup_id = record.cgroup_id;
    std::memcpy(event.comm, record.comm, sizeof event.comm);
    if (record.flags & BRINK_RECORD_NAMED) event.flags |= BRINK_EVENT_NAMED;
    if (record.flags & BRINK_RECORD_THREAD) event.flags |= BRINK_EVENT_THREAD;
}

void set_level(brink_event& event, const brink_record& record, const ClientWatch& watch) {
    event.level = record.level;
    event.level_index = record.level_index;
    event.cause = record.cause;
    event.direction = record.flags & BRINK_RECORD_UP ? BRINK_UP : BRINK_DOWN;
    if (record.level_index < watch.levels.size()) set_text(event, watch.levels[record.level_index]);
}

}  // namespace

std::optional<brink_event> event_of(const brink_record& record, const ClientWatch& watch,
                                    const Peer& peer, std::string_view engine) {
    const auto* const type = std::find_if(kTypes.begin(), kTypes.end(), [&](const Types& types) {
        return types.record == record.type;
    });
    if (type == kTypes.end()) return std::nullopt;
    brink_event event{};
    event.type = type->event;
    event.cookie = watch.cookie;
    event.engine = engine_number(engine);
    event.monotonic_ns = record.monotonic_ns;
    set_subject(event, record, peer);
    event.error = static_cast<std::int32_t>(record.errno_value);
    if (event.type == BRINK_EVENT_EXIT) {
        if (event.error) set_text(event, "credentials");
        return event;
    }
    event.usage = record.usage;
    event.limit = record.limit;
    event.limit_hard = record.limit_hard;
    event.old_limit = record.old_limit;
    if (event.type == BRINK_EVENT_CROSSING || event.type == BRINK_EVENT_INITIAL)
        set_level(event, record, watch);
    return event;
}

std::optional<brink_record> record_of(const brink_event& event) {
    const auto* const type = std::find_if(kTypes.begin(), kTypes.end(), [&](const Types& types) {
        return types.event == event.type;
    });
    if (type == kTypes.end()) return std::nullopt;
    brink_record record{};
    record.type = type->record;
    record.tally = static_cast<std::uint32_t>(event.subject);
    record.generation = static_cast<std::uint32_t>(event.subject >> 32U);
    record.monotonic_ns = event.monotonic_ns;
    record.start_time_ns = event.start_time_ns;
    record.usage = event.usage;
    record.level = event.level;
    record.limit = event.limit;
    record.limit_hard = event.limit_hard;
    record.old_limit = event.old_limit;
    record.cgroup_id = event.cgroup_id;
    record.pid = record.ns_pid = static_cast<brink_u32>(event.pid);
    record.tid = record.ns_tid = static_cast<brink_u32>(event.tid);
    record.ppid = static_cast<brink_u32>(event.ppid);
    record.uid = event.uid;
    record.errno_value = static_cast<brink_u32>(event.error);
    record.level_index = event.level_index;
    record.cause = event.cause;
    if (event.direction == BRINK_UP) record.flags |= BRINK_RECORD_UP;
    if (event.flags & BRINK_EVENT_NAMED) record.flags |= BRINK_RECORD_NAMED;
    if (event.flags & BRINK_EVENT_THREAD) record.flags |= BRINK_RECORD_THREAD;
    std::memcpy(record.comm, event.comm, sizeof record.comm);
    return record;
}

std::uint8_t engine_number(std::string_view name) {
    const auto* const found = std::find(kEngines.begin(), kEngines.end(), name);
    return found == kEngines.end() ? std::uint8_t{0}
                                   : static_cast<std::uint8_t>(found - kEngines.begin());
}

std::string_view engine_name(std::uint8_t number) {
    return number < kEngines.size() ? kEngines[number] : kEngines[0];
}

}  // namespace brink::broker
