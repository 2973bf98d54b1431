// SPDX-License-Identifier: Apache-2.0
#include "output/shared/series.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "output/shared/subject.hpp"

namespace brink::output {
namespace {

constexpr const char* kOther = "other";
constexpr std::size_t kMostProcesses = 64;  // of one subject
constexpr std::size_t kMostCounters = 64;   // of one subject and kind

// Bytes stay, time becomes seconds: the base units of Prometheus.
double in_base_unit(std::uint64_t value, const std::string& unit) {
    return static_cast<double>(value) / (unit == "ns" ? 1e9 : 1.0);
}

std::string unit_label(const std::string& unit) {
    if (unit == "ns") return "seconds";
    return unit == "By" ? "bytes" : "1";
}

double nearness(std::optional<std::uint64_t> usage, std::optional<std::uint64_t> limit) {
    if (!usage || limit.value_or(0) == 0) return -1;
    return static_cast<double>(*usage) / static_cast<double>(*limit);
}

Exemplar exemplar_of(const Event& event) {
    Exemplar exemplar{.labels = {},
                      .value = in_base_unit(event.usage.value_or(0), event.unit),
                      .time_ns = event.time_ns};
    if (event.pid) exemplar.labels.emplace_back("pid", std::to_string(*event.pid));
    exemplar.labels.emplace_back("seq", std::to_string(event.seq));
    if (!event.engine.empty()) exemplar.labels.emplace_back("engine", event.engine);
    return exemplar;
}

template <typename Counters, typename Key>
void add_one(Counters& counters, const Key& key, const Event& event) {
    if (counters.size() >= kMostCounters && !counters.contains(key)) return;
    auto& counter = counters[key];
    ++counter.count;
    counter.exemplar = exemplar_of(event);
}

}  // namespace

const Series::Standing* Series::Subject::nearest() const {
    const auto found = std::max_element(processes.begin(), processes.end(),
                                        [](const auto& one, const auto& other) {
                                            const auto rank = [](const Standing& at) {
                                                return std::pair(nearness(at.usage, at.limit),
                                                                 at.usage.value_or(0));
                                            };
                                            return rank(one.second) < rank(other.second);
                                        });
    return found == processes.end() ? nullptr : &found->second;
}

Series::Subject& Series::find(const Event& event, const std::string& host) {
    Key key{host_of(event, host), event.resource, event.scope, subject_name(event)};
    if (const auto found = subjects_.find(key); found != subjects_.end()) return found->second;
    if (subjects_.size() >= most_ && !make_room()) {
        ++folded_;
        key = {host_of(event, host), event.resource, event.scope, kOther};
    }
    return subjects_[key];
}

// Those that have ended only: another's counters would begin anew when it comes again.
bool Series::make_room() {
    auto oldest = subjects_.end();
    for (auto it = subjects_.begin(); it != subjects_.end(); ++it)
        if (it->second.ended_ns != 0 &&
            (oldest == subjects_.end() || it->second.ended_ns < oldest->second.ended_ns))
            oldest = it;
    if (oldest == subjects_.end()) return false;
    subjects_.erase(oldest);
    return true;
}

Series::Subject& Series::stand(const Event& event, const std::string& host) {
    Subject& subject = find(event, host);
    if (!event.unit.empty()) subject.unit = event.unit;
    const std::pair process(event.pid.value_or(0), event.start_time.value_or(0));
    if (event.type == EventType::exit) {
        subject.processes.erase(process);
        subject.ended_ns = subject.processes.empty() ? event.time_ns : 0;
        return subject;
    }
    if (!event.usage) return subject;
    subject.ended_ns = 0;
    if (subject.processes.size() >= kMostProcesses && !subject.processes.contains(process))
        subject.processes.erase(std::min_element(subject.processes.begin(), subject.processes.end(),
                                                 [](const auto& one, const auto& other) {
                                                     return one.second.time_ns <
                                                            other.second.time_ns;
                                                 }));
    subject.processes[process] = {event.usage, event.limit, event.time_ns};
    return subject;
}

void Series::count(const Event& event, const std::string& host) {
    if (event.type == EventType::lost) {
        lost_ += event.lost.value_or(0);
        return;
    }
    if (event.type == EventType::action) {
        const std::pair key(event.action.substr(0, event.action.find(':')), event.result);
        if (actions_.size() < kMostCounters || actions_.contains(key)) ++actions_[key];
        return;
    }
    Subject& subject = stand(event, host);
    if (event.type == EventType::crossing || event.type == EventType::initial)
        add_one(subject.crossings,
                std::pair(event.level_as,
                          std::string(event.direction == Direction::down ? "down" : "up")),
                event);
    if (event.type == EventType::denied) {
        const char* name = event.error ? ::strerrorname_np(*event.error) : nullptr;
        add_one(subject.denials, std::string(name ? name : ""), event);
    }
}

void Series::write(Exposition& to) const {
    write_gauges(to);
    write_counters(to);
    to.counter("brink_lost_events", "Events that were dropped before they reached the history, or "
                                    "trimmed from it too early.");
    to.sample({}, lost_);
    to.counter("brink_folded_events",
               "Events that were counted under the subject \"other\", as there "
               "are too many subjects.");
    to.sample({}, folded_);
}

void Series::write_gauges(Exposition& to) const {
    const auto each = [&](const auto& write) {
        for (const auto& [key, subject] : subjects_) {
            const Standing* at = subject.nearest();
            const auto& [host, resource, scope, name] = key;
            if (at && at->usage && name != kOther)
                write(Labels{{"host", host},
                             {"resource", resource},
                             {"scope", scope},
                             {"subject", name},
                             {"unit", unit_label(subject.unit)}},
                      subject, *at);
        }
    };
    to.gauge("brink_usage", "Usage at the latest event of the subject, in its unit.");
    each([&](const Labels& labels, const Subject& subject, const Standing& at) {
        to.sample(labels, in_base_unit(*at.usage, subject.unit));
    });
    to.gauge("brink_limit",
             "The limit that the usage is held against; absent where there is none.");
    each([&](const Labels& labels, const Subject& subject, const Standing& at) {
        if (at.limit) to.sample(labels, in_base_unit(*at.limit, subject.unit));
    });
    to.gauge("brink_headroom_ratio", "What is left of the limit, as a share of it.");
    each([&](const Labels& labels, const Subject&, const Standing& at) {
        if (at.limit.value_or(0) > 0) to.sample(labels, 1 - nearness(at.usage, at.limit));
    });
    to.gauge("brink_event_timestamp_seconds", "When the latest event of the subject was.",
             "seconds");
    each([&](const Labels& labels, const Subject&, const Standing& at) {
        to.sample(labels, static_cast<double>(at.time_ns) / 1e9);
    });
}

void Series::write_counters(Exposition& to) const {
    const auto labels_of = [](const Key& key) {
        const auto& [host, resource, scope, name] = key;
        return Labels{{"host", host}, {"resource", resource}, {"scope", scope}, {"subject", name}};
    };
    to.counter("brink_crossings", "Levels that were crossed, or found crossed at the beginning.");
    for (const auto& [key, subject] : subjects_)
        for (const auto& [level, counter] : subject.crossings) {
            Labels labels = labels_of(key);
            labels.emplace_back("level", level.first);
            labels.emplace_back("direction", level.second);
            to.sample(labels, counter.count, counter.exemplar);
        }
    to.counter("brink_denials", "Operations that the kernel refused because of the limit.");
    for (const auto& [key, subject] : subjects_)
        for (const auto& [error, counter] : subject.denials) {
            Labels labels = labels_of(key);
            labels.emplace_back("error", error);
            to.sample(labels, counter.count, counter.exemplar);
        }
    to.counter("brink_actions", "What brink did at a level.");
    for (const auto& [action, count] : actions_)
        to.sample({{"action", action.first}, {"result", action.second}}, count);
}

}  // namespace brink::output
