// SPDX-License-Identifier: Apache-2.0
// otlp: OpenTelemetry over HTTP in its JSON encoding: each event as a log record, usage and limit as gauges.
#include <fmt/format.h>
#include <syslog.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "base/clock.hpp"
#include "output/output.hpp"
#include "output/shared/http_client.hpp"
#include "output/shared/log_entry.hpp"
#include "output/shared/measures.hpp"
#include "output/shared/subject.hpp"

namespace brink::output {
namespace {

using Json = nlohmann::ordered_json;

// SeverityNumber of the logs data model.
int severity_number(int priority) {
    switch (priority) {
        case LOG_ERR: return 17;
        case LOG_WARNING: return 13;
        case LOG_NOTICE: return 10;
        default: return 9;
    }
}

Json text_attribute(const std::string& key, std::string_view value) {
    return {{"key", key}, {"value", {{"stringValue", value}}}};
}

// 64-bit numbers are text in the JSON mapping of protobuf.
std::string number_text(std::int64_t number) { return std::to_string(number); }

Json resource_of(const std::string& host) {
    return {{"attributes", Json::array({text_attribute("service.name", "brink"),
                                        text_attribute("host.name", host)})}};
}

const Json& scope() {
    static const Json scope{{"name", "brink"}};
    return scope;
}

Json log_record(const Entry& entry) {
    const LogEntry log = log_entry_of(entry);
    Json attributes = Json::array();
    for (const auto& [name, value] : log.fields)
        attributes.push_back(text_attribute(fmt::format("brink.{}", name), value));
    return {{"timeUnixNano", number_text(entry.event.time_ns)},
            {"observedTimeUnixNano", number_text(clock_ns(CLOCK_REALTIME))},
            {"severityNumber", severity_number(log.priority)},
            {"severityText", log.id},
            {"body", {{"stringValue", log.sentence}}},
            {"attributes", std::move(attributes)}};
}

Json gauge(const Event& event, const Measure& measure) {
    const bool has_unit = measure.name != "headroom_ratio";
    Json point{{"attributes", Json::array({text_attribute("resource", event.resource),
                                           text_attribute("scope", event.scope),
                                           text_attribute("subject", subject_name(event))})},
               {"timeUnixNano", number_text(event.time_ns)},
               {"asDouble", measure.value}};
    return {{"name", fmt::format("brink.{}", measure.name)},
            {"unit", has_unit ? event.unit : "1"},
            {"gauge", {{"dataPoints", Json::array({std::move(point)})}}}};
}

// How many of a request the receiver says that it has left out; and what it says of it.
std::pair<std::uint64_t, std::string> left_out(const HttpAnswer& answer) {
    const Json body = Json::parse(answer.body, nullptr, false);
    if (!body.is_object()) return {0, {}};
    const auto partial = body.find("partialSuccess");
    if (partial == body.end() || !partial->is_object()) return {0, {}};
    std::uint64_t count = 0;
    for (const char* name : {"rejectedLogRecords", "rejectedDataPoints"}) {
        const auto rejected = partial->find(name);
        if (rejected == partial->end()) continue;
        const bool none = *rejected == 0 || *rejected == "0";
        count += none ? 0 : 1;
    }
    const auto message = partial->find("errorMessage");
    return {count,
            message != partial->end() && message->is_string() ? message->get<std::string>() : ""};
}

class Otlp : public Output {
  public:
    Otlp(Settings& settings, const Surroundings& surroundings) : host_(surroundings.host) {
        HttpOptions options = http_options(settings, surroundings, "http://127.0.0.1:4318");
        const std::string base = options.url;
        if (settings.flag("logs", true)) {
            options.url = base + "/v1/logs";
            logs_ = std::make_unique<HttpClient>(options);
        }
        if (settings.flag("metrics", true)) {
            options.url = base + "/v1/metrics";
            metrics_ = std::make_unique<HttpClient>(options);
        }
        if (!logs_ && !metrics_) settings.complain("logs", "logs or metrics has to be true");
    }

    [[nodiscard]] std::size_t most_together() const override { return 64; }

    Answer deliver(std::span<const Entry> entries) override {
        Answer answer = Answer::taken(entries.size(), "nothing in it has a value");
        if (logs_) answer = post(*logs_, "resourceLogs", logs_of(entries), entries.size());
        if (!metrics_ || answer.kind != Answer::Kind::taken) return answer;
        const Json metrics = metrics_of(entries);
        return metrics.empty() ? answer
                               : post(*metrics_, "resourceMetrics", metrics, entries.size());
    }

  private:
    [[nodiscard]] Json logs_of(std::span<const Entry> entries) const {
        Json logs = Json::array();
        for (const Entry& entry : entries) {
            const Json records{{"scope", scope()},
                               {"logRecords", Json::array({log_record(entry)})}};
            logs.push_back({{"resource", resource_of(host_of(entry.event, host_))},
                            {"scopeLogs", Json::array({records})}});
        }
        return logs;
    }

    [[nodiscard]] Json metrics_of(std::span<const Entry> entries) const {
        Json metrics = Json::array();
        for (const Entry& entry : entries) {
            Json gauges = Json::array();
            for (const Measure& measure : measures_of(entry.event))
                gauges.push_back(gauge(entry.event, measure));
            if (gauges.empty()) continue;
            const Json scoped{{"scope", scope()}, {"metrics", std::move(gauges)}};
            metrics.push_back({{"resource", resource_of(host_of(entry.event, host_))},
                               {"scopeMetrics", Json::array({scoped})}});
        }
        return metrics;
    }

    static Answer post(HttpClient& client, const char* name, const Json& content,
                       std::size_t entries) {
        const Json request{{name, content}};
        const std::string body = request.dump(-1, ' ', false, Json::error_handler_t::replace);
        const auto answer = client.post(body, {"Content-Type: application/json"});
        if (!answer) return Answer::failed(answer.error().message);
        if (answer->status / 100 == 2) {
            const auto [count, message] = left_out(*answer);
            if (count > 0) return Answer::refused(entries, "the receiver rejects it: " + message);
        }
        return client.judge(*answer, entries);
    }

    std::string host_;
    std::unique_ptr<HttpClient> logs_;
    std::unique_ptr<HttpClient> metrics_;
};

}  // namespace

extern const Definition k_otlp;
const Definition k_otlp{
    .type = "otlp",
    .summary = "OpenTelemetry logs and metrics, over HTTP",
    .make = [](Settings& settings, const Surroundings& surroundings) -> std::unique_ptr<Output> {
        return std::make_unique<Otlp>(settings, surroundings);
    },
};

}  // namespace brink::output
