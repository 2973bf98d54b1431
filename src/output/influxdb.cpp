// SPDX-License-Identifier: Apache-2.0
// influxdb: each event as a point in line protocol, to /write (InfluxDB 1, VictoriaMetrics) or /api/v2/write (InfluxDB 2).
// A point that comes twice has the same tags and time, and replaces itself.
#include <fmt/format.h>

#include <limits>

#include "base/utf8.hpp"
#include "output/output.hpp"
#include "output/shared/http_client.hpp"
#include "output/shared/subject.hpp"
#include "sink/json.hpp"

namespace brink::output {
namespace {

// There is no way to write a line end or a backslash at the end of a tag.
std::string tag_value(std::string_view text) {
    std::string escaped;
    for (const char c : sanitize_utf8(text)) {
        if (c == ',' || c == '=' || c == ' ') escaped += '\\';
        escaped += c == '\n' || c == '\r' || c == '\\' ? '_' : c;
    }
    return escaped;
}

std::string field_text(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : sanitize_utf8(text)) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return quoted + '"';
}

// One line. Tags name the series; what differs from event to event is in fields.
class Point {
  public:
    explicit Point(std::string_view measurement) : line_(measurement) {}

    void tag(std::string_view name, std::string_view value) {
        if (!value.empty()) line_ += fmt::format(",{}={}", name, tag_value(value));
    }
    void field(std::string_view name, std::string_view value) {
        if (!value.empty()) add(name, field_text(value));
    }
    template <typename Number>
    void field(std::string_view name, const std::optional<Number>& number) {
        if (number) field(name, static_cast<std::uint64_t>(*number));
    }
    // Integers are signed there.
    void field(std::string_view name, std::uint64_t number) {
        if (number <= std::numeric_limits<std::int64_t>::max())
            add(name, fmt::format("{}i", number));
    }
    void field(std::string_view name, double number) { add(name, fmt::format("{}", number)); }

    [[nodiscard]] std::string finish(std::int64_t time_ns) const {
        return fmt::format("{} {}\n", line_, time_ns);
    }

  private:
    void add(std::string_view name, const std::string& value) {
        line_ += fmt::format("{}{}={}", first_ ? ' ' : ',', name, value);
        first_ = false;
    }

    std::string line_;
    bool first_ = true;
};

std::string query_value(std::string_view text) {
    std::string encoded;
    for (const char c : text)
        encoded += plain_name(std::string_view(&c, 1)) == std::string_view(&c, 1)
                       ? std::string(1, c)
                       : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    return encoded;
}

HttpOptions options_of(Settings& settings, const Surroundings& surroundings) {
    HttpOptions options = http_options(settings, surroundings, "http://127.0.0.1:8086",
                                       "Authorization: Token ");
    const std::string database = settings.text("database");
    const std::string bucket = settings.text("bucket");
    const std::string org = settings.text("org");
    if (database.empty() == bucket.empty())
        settings.complain(bucket.empty() ? "database" : "bucket",
                          "write database (InfluxDB 1), or bucket and org (InfluxDB 2)");
    if (bucket.empty() != org.empty())
        settings.complain("org", "bucket and org belong together; write both, or neither");
    options.url += bucket.empty() ? fmt::format("/write?precision=ns&db={}", query_value(database))
                                  : fmt::format("/api/v2/write?precision=ns&org={}&bucket={}",
                                                query_value(org), query_value(bucket));
    return options;
}

class InfluxDb : public Output {
  public:
    InfluxDb(Settings& settings, const Surroundings& surroundings)
        : host_(surroundings.host),
          measurement_(settings.text("measurement", "brink")),
          client_(options_of(settings, surroundings)) {
        if (measurement_.empty() || measurement_ != plain_name(measurement_, "."))
            settings.complain("measurement", "it may have letters, digits, '-', '_' and '.' only");
    }

    [[nodiscard]] std::size_t most_together() const override { return 128; }

    Answer deliver(std::span<const Entry> entries) override {
        std::string lines;
        for (const Entry& entry : entries) lines += line_of(entry);
        return client_.deliver(lines, {"Content-Type: text/plain; charset=utf-8"}, entries.size());
    }

  private:
    [[nodiscard]] std::string line_of(const Entry& entry) const {
        const Event& event = entry.event;
        Point point(measurement_);
        point.tag("host", host_of(event, host_));
        point.tag("resource", event.resource);
        point.tag("scope", event.scope);
        if (event.type != EventType::lost) point.tag("subject", subject_name(event));
        point.tag("type", entry.is_test() ? "test" : sink::type_name(event.type));
        point.field("seq", event.seq);
        point.field("usage", event.usage);
        point.field("limit", event.limit);
        if (event.usage && event.limit.value_or(0) > 0)
            point.field("headroom_ratio", 1 - ratio_of(event));
        point.field("level", event.level);
        point.field("level_as", event.level_as);
        if (event.direction)
            point.field("direction", event.direction == Direction::up ? "up" : "down");
        point.field("pid", event.pid);
        point.field("comm", event.comm);
        point.field("uid", event.uid);
        point.field("lost", event.lost);
        point.field("action", event.action);
        point.field("result", event.result);
        return point.finish(event.time_ns);
    }

    std::string host_;
    std::string measurement_;
    HttpClient client_;
};

}  // namespace

extern const Definition k_influxdb;
const Definition k_influxdb{
    .type = "influxdb",
    .summary = "InfluxDB's line protocol",
    .make = [](Settings& settings, const Surroundings& surroundings) -> std::unique_ptr<Output> {
        return std::make_unique<InfluxDb>(settings, surroundings);
    },
};

}  // namespace brink::output
