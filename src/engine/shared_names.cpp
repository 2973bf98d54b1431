// SPDX-License-Identifier: Apache-2.0
#include "engine/shared_names.hpp"

#include <cstring>

#include "base/clock.hpp"
#include "kernel/machine.hpp"

namespace brink::engine {
namespace {

constexpr std::size_t kMaxNames = 65536;

}  // namespace

void SharedNames::fill(Event& event, const brink_record& record, Scope scope) {
    if (record.ns_pid) {
        event.pid = static_cast<std::int32_t>(record.ns_pid);
        if (record.ns_tid) event.tid = static_cast<std::int32_t>(record.ns_tid);
        event.ppid = static_cast<std::int32_t>(record.ppid);
        event.start_time = clock_ticks(record.start_time_ns);
    }
    event.comm.assign(record.comm, ::strnlen(record.comm, sizeof record.comm));
    if (scope == Scope::user) fill_user(event, record);
}

void SharedNames::fill_user(Event& event, const brink_record& record) {
    const kernel::Machine machine;
    if (own_namespace_ == 0) own_namespace_ = machine.own_user_namespace();
    if (users_.size() > kMaxNames) users_.clear();
    std::string& name = users_[record.uid];
    if (name.empty()) name = machine.user_name(record.uid);
    event.uid = record.uid;
    event.subject = name;
    if (record.user_namespace == own_namespace_) return;
    event.target = "user:[" + std::to_string(record.user_namespace) + "]";
    event.subject += " in " + event.target;
}

}  // namespace brink::engine
