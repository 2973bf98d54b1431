// SPDX-License-Identifier: Apache-2.0
#include "output/shared/passive_checks.hpp"

#include <algorithm>

#include "base/clock.hpp"
#include "output/shared/subject.hpp"

namespace brink::output {
namespace {

constexpr std::size_t kMostServices = 10'000;
constexpr std::string_view kIllegal =
    "`~!$%^&*|'\"<>?,()=;";  // illegal_object_name_chars of Nagios

std::string object_name(std::string name) {
    for (char& c : name)
        if (static_cast<unsigned char>(c) < 0x20 || kIllegal.find(c) != std::string_view::npos)
            c = '_';
    return name;
}

}  // namespace

PassiveChecks::PassiveChecks(Settings& settings, const Surroundings& surroundings)
    : name_(surroundings.name),
      own_host_(surroundings.host),
      host_(settings.text("host", "{host}")),
      service_(settings.text("service", "brink {resource} {subject}")),
      heartbeat_service_(settings.text("heartbeat_service", "brink")),
      critical_ratio_(static_cast<double>(settings.number("critical", 1, 100, 90)) / 100),
      keep_alive_ns_(std::int64_t{settings.duration_ms("keep_alive", 0, true)} * 1'000'000) {
    check_template(settings, "host", host_);
    check_template(settings, "service", service_);
}

Standing* PassiveChecks::standing_of(const std::string& host, const std::string& service) {
    const std::pair key(host, service);
    if (services_.size() >= kMostServices && !services_.contains(key))
        services_.erase(services_.begin());
    return &services_.try_emplace(key, critical_ratio_).first->second;
}

void PassiveChecks::recall(const Entry& entry) {
    if (!entry.event.resource.empty()) (void)result_of(entry);
}

// Lost events and what else belongs to no resource are the relay's own service's.
CheckResult PassiveChecks::result_of(const Entry& entry) {
    const Event& event = entry.event;
    CheckResult result{.time_ns = event.time_ns,
                       .host = object_name(fill(host_, event, own_host_)),
                       .service = {},
                       .status = Status::ok,
                       .text = sentence(event),
                       .performance = {}};
    if (event.resource.empty()) {
        result.service = object_name(heartbeat_service_);
        result.status = event.type == EventType::lost ? Status::warning : Status::ok;
        return result;
    }
    result.service = object_name(fill(service_, event, own_host_));
    Standing test(critical_ratio_);
    Standing* standing = entry.is_test() ? &test : standing_of(result.host, result.service);
    standing->take(event);
    result.status = entry.is_test() ? Status::ok : standing->status();
    result.text = (entry.is_test() ? "test: " : "") + standing->text();
    result.performance = standing->performance();
    return result;
}

Answer PassiveChecks::deliver(std::span<const Entry> entries) {
    std::vector<CheckResult> results;
    for (const Entry& entry : entries) results.push_back(result_of(entry));
    Answer answer = send(results);
    answer.entries = entries.size();
    return answer;
}

std::optional<int> PassiveChecks::wait_ms() const {
    if (keep_alive_ns_ == 0) return std::nullopt;
    const std::int64_t left_ns = next_ns_ - clock_ns(CLOCK_MONOTONIC);
    return static_cast<int>(std::max<std::int64_t>(left_ns, 0) / 1'000'000) + 1;
}

// What cannot be sent is left to the next time: a state that is old is what the receiver is to notice.
void PassiveChecks::serve() {
    const std::int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    if (keep_alive_ns_ == 0 || now_ns < next_ns_) return;
    next_ns_ = now_ns + keep_alive_ns_;
    const std::int64_t time_ns = clock_ns(CLOCK_REALTIME);
    Event none;
    std::vector<CheckResult> results{{.time_ns = time_ns,
                                      .host = object_name(fill(host_, none, own_host_)),
                                      .service = object_name(heartbeat_service_),
                                      .status = Status::ok,
                                      .text = "brink-relay runs, output " + name_,
                                      .performance = {}}};
    for (const auto& [name, standing] : services_)
        results.push_back({.time_ns = time_ns,
                           .host = name.first,
                           .service = name.second,
                           .status = standing.status(),
                           .text = standing.text(),
                           .performance = standing.performance()});
    (void)send(results);
}

}  // namespace brink::output
