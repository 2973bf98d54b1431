// SPDX-License-Identifier: Apache-2.0
// Events as an engine would make them, for the tests of sinks.
#pragma once

#include <cerrno>
#include <vector>

#include "brink/event.hpp"

namespace brink::sink {

constexpr std::int64_t kSampleTimeNs = 1'795'166'999'123'456'789;  // 2026-11-20T09:29:59.12…Z

/// What every event of one subject has.
inline Event subject_event(EventType type, std::uint64_t seq) {
    Event event;
    event.type = type;
    event.time_ns = kSampleTimeNs;
    event.monotonic_ns = 81'234'567'890;
    event.seq = seq;
    event.resource = "nofile";
    event.scope = "process";
    event.usage = 820;
    event.has_limit = true;
    event.limit = 1024;
    event.limit_hard = 4096;
    event.unit = "1";
    event.pid = event.tid = 1234;
    event.ppid = 1;
    event.start_time = 7934;
    event.comm = "leaky";
    event.exe = "/usr/bin/leaky";
    event.uid = 1000;
    event.cgroup = "/system.slice/leaky.service";
    event.unit_name = "leaky.service";
    event.engine = "kernel";
    event.watch = 3;
    event.host = "web1";
    event.boot_id = "0b2c5a3e-1f0d-4c7a-9a59-3f1d2e4b5c6d";
    return event;
}

inline Event crossing(std::uint64_t seq, Direction direction, std::uint64_t usage) {
    Event event = subject_event(EventType::crossing, seq);
    event.direction = direction;
    event.level = 820;
    event.level_as = "80%";
    event.usage = usage;
    return event;
}

inline Event initial(std::uint64_t seq, std::int32_t pid, std::string comm) {
    Event event = subject_event(EventType::initial, seq);
    event.direction = Direction::up;
    event.level = 820;
    event.level_as = "80%";
    event.pid = pid;
    event.tid = {};
    event.comm = std::move(comm);
    return event;
}

inline Event exited(std::uint64_t seq, std::int32_t pid, std::string comm) {
    Event event = subject_event(EventType::exit, seq);
    event.usage = event.limit = event.limit_hard = {};
    event.has_limit = false;
    event.unit.clear();
    event.pid = pid;
    event.tid = {};
    event.comm = std::move(comm);
    return event;
}

inline Evidence sample_evidence() {
    return {.total = 205,
            .items = {{"socket", "tcp CLOSE-WAIT 10.0.0.7:41822 -> 10.0.0.9:8080", 148},
                      {"file", "/var/lib/leaky/data.db", 38},
                      {"pipe", "", 15},
                      {"file", "/dev/null", 3}},
            .omitted = 1,
            .stack = {{0x55d0'1000'1234, "leak_a_socket", "/usr/bin/leaky", 0x24, "leaky.cpp:42"},
                      {0x55d0'1000'2000, "main", "/usr/bin/leaky", 0x100, ""},
                      {0x7f00'0000'1000, "", "/usr/lib/libc.so.6", 0x271ca, ""},
                      {0xdead'beef, "", "", 0, ""}},
            .unavailable = {}};
}

/// A crossing of which no process is the subject. The caller says whose it is.
inline Event shared_crossing(std::uint64_t seq, std::string resource, std::string scope) {
    Event event = crossing(seq, Direction::up, 820);
    event.resource = std::move(resource);
    event.scope = std::move(scope);
    event.limit_hard = {};
    event.pid = event.tid = event.ppid = {};
    event.start_time = {};
    event.uid = {};
    event.comm = event.exe = event.cgroup = event.unit_name = "";
    event.engine = "poll";
    return event;
}

/// One of each scope of which no process is the subject.
inline std::vector<Event> shared_events() {
    Event user = shared_crossing(1, "nproc", "user");
    user.uid = 1000;
    user.user_namespace = 4026532201;
    Event cgroup = shared_crossing(2, "pids", "cgroup");
    cgroup.cgroup = "/system.slice/leaky.service";
    cgroup.unit_name = "leaky.service";
    Event acted = cgroup;
    acted.seq = 3;
    acted.pid = acted.tid = 1234;
    acted.comm = "leaky";
    acted.uid = 1000;
    Event killed = subject_event(EventType::denied, 7);
    killed.scope = "cgroup";
    killed.resource = "memory";
    killed.pid = killed.tid = killed.ppid = {};
    killed.start_time = {};
    killed.comm = killed.exe = "";
    killed.reason = "oom_kill";
    killed.times = 3;
    killed.engine = "notify";
    Event socket = shared_crossing(4, "accept_queue", "socket");
    socket.target = "tcp 0.0.0.0:80";
    socket.pid = 1234;
    socket.comm = "leaky";
    Event file_system = shared_crossing(5, "inodes", "system");
    file_system.target = "/home";
    return {user,  cgroup, acted, socket, file_system, shared_crossing(6, "file_nr", "system"),
            killed};
}

/// One event of every type and shape, numbered from 1.
inline std::vector<Event> sample_events() {
    Event denied = subject_event(EventType::denied, 3);
    denied.error = EMFILE;
    denied.usage = 1024;
    Event changed = subject_event(EventType::limit_changed, 4);
    changed.old_limit = 512;
    Event unlimited = subject_event(EventType::limit_changed, 5);
    unlimited.limit = unlimited.limit_hard = {};
    Event fell = crossing(6, Direction::down, 820);
    fell.cause = "limit";
    fell.limit = 4096;
    fell.tid = {};
    Event gone = exited(8, 1234, "leaky");
    gone.reason = "credentials";
    Event lost;
    lost.type = EventType::lost;
    lost.time_ns = kSampleTimeNs;
    lost.monotonic_ns = 81'234'567'899;
    lost.seq = 27;
    lost.engine = "kernel";
    lost.host = "web1";
    lost.boot_id = "0b2c5a3e-1f0d-4c7a-9a59-3f1d2e4b5c6d";
    lost.lost = 17;
    Event action = subject_event(EventType::action, 29);
    action.action = "evidence";
    action.result = "done";
    action.detail = "what is open in leaky[1234]";
    action.cause_seq = 1;
    action.rule = "web";
    action.evidence = sample_evidence();
    Event woken = crossing(29, Direction::up, 300'000);
    woken.resource = "wakeup_latency";
    woken.unit = "ns";
    woken.culprit = Culprit{.cpu = 1,
                            .ns = 300'000,
                            .items = {{"task", "hog", 77, 200'000, 1}, {"self", "", {}, 99'000, 1}},
                            .omitted_ns = 1'000};
    Event with_evidence = crossing(30, Direction::up, 820);
    with_evidence.evidence = Evidence{.total = 0,
                                      .items = {},
                                      .omitted = 0,
                                      .stack = {},
                                      .unavailable = "the process is another user's"};
    return {crossing(1, Direction::up, 820),
            initial(2, 1240, "worker"),
            denied,
            changed,
            unlimited,
            fell,
            exited(7, 1240, "worker"),
            gone,
            lost,
            subject_event(EventType::resync, 28),
            action,
            woken,
            with_evidence};
}

}  // namespace brink::sink
