// SPDX-License-Identifier: Apache-2.0
#include "sink/latency_json.hpp"

#include "base/utf8.hpp"
#include "sink/json.hpp"
#include "sink/latency_text.hpp"

namespace brink::sink {
namespace {

using latency::Histogram;
using latency::kPhases;
using latency::Report;
using latency::ThreadReport;
using nlohmann::ordered_json;

ordered_json distribution(const Histogram& values, bool histogram) {
    ordered_json object{{"count", values.count()}};
    if (values.count() == 0) return object;
    object["min_ns"] = values.min();
    object["mean_ns"] = static_cast<std::uint64_t>(values.mean());
    object["p50_ns"] = values.percentile(50);
    object["p90_ns"] = values.percentile(90);
    object["p99_ns"] = values.percentile(99);
    object["p99_9_ns"] = values.percentile(99.9);
    object["p99_99_ns"] = values.percentile(99.99);
    object["max_ns"] = values.max();
    if (!histogram) return object;
    for (const Histogram::Step& step : values.steps())
        object["histogram"].push_back({step.from, step.to, step.count});
    return object;
}

void add_numbers(ordered_json& object, const ThreadReport& thread, const Report& report,
                 bool histogram) {
    object["latency"] = distribution(thread.whole, histogram);
    if (report.has_parts) {
        for (std::size_t i = 0; i < kPhases; ++i)
            object["parts"][latency::kPhaseNames[i]] = distribution(thread.phases[i], histogram);
        object["unmatched"] = thread.unmatched;
    }
    object["overruns"] = thread.overruns;
}

ordered_json culprit_object(const Culprit& culprit) {
    return ordered_json::parse(culprit_json(culprit));
}

ordered_json moments(const latency::Wakeup& wakeup, bool matched) {
    const latency::Parts parts = latency::parts_of(wakeup);
    ordered_json object{{"expiry_ns", wakeup.expiry},
                        {"returned_ns", wakeup.returned},
                        {"latency_ns", parts.whole}};
    if (matched)
        for (std::size_t i = 0; i < kPhases; ++i)
            object["parts"][latency::kPhaseNames[i]] = parts.part[i];
    return object;
}

std::string line(const ordered_json& object) {
    return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

ordered_json thread_object(const Report& report, std::size_t index, bool histogram) {
    const ThreadReport& thread = report.threads[index];
    ordered_json object{{"type", "thread"},
                        {"thread", index},
                        {"tid", thread.tid},
                        {"policy", policy_text(thread.plan.policy, thread.plan.priority)},
                        {"interval_ns", thread.plan.interval_ns}};
    if (thread.plan.cpu) object["cpu"] = *thread.plan.cpu;
    add_numbers(object, thread, report, histogram);
    return object;
}

}  // namespace

std::string latency_json(const Report& report, std::int64_t time_ns, bool histogram) {
    std::string text;
    const auto add = [&](ordered_json object) {
        if (!object.contains("time")) object["time"] = utc_time(time_ns);
        text += line(object);
    };
    for (std::size_t i = 0; i < report.threads.size(); ++i)
        add(thread_object(report, i, histogram));
    ordered_json total{{"type", "total"}, {"threads", report.threads.size()}};
    add_numbers(total, report.total(), report, histogram);
    add(std::move(total));
    for (const latency::WorstSample& worst : report.worst) {
        ordered_json object{{"type", "late"}, {"thread", worst.thread}};
        object.update(moments(worst.wakeup, worst.matched));
        object["time"] = utc_time(report.realtime_of(worst.wakeup.expiry));
        for (const Culprit& ran : worst.ran) object["ran"].push_back(culprit_object(ran));
        add(std::move(object));
    }
    return text;
}

std::string latency_samples_json(const Report& report) {
    std::string text;
    for (std::size_t i = 0; i < report.threads.size(); ++i) {
        for (const auto& [wakeup, matched] : report.threads[i].samples) {
            ordered_json object{{"type", "sample"}, {"thread", i}};
            object.update(moments(wakeup, matched));
            text += line(object);
        }
    }
    return text;
}

}  // namespace brink::sink
