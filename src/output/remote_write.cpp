// SPDX-License-Identifier: Apache-2.0
// remote_write: samples pushed to Prometheus (remote write 1.0: protobuf, snappy) or to what speaks it, VictoriaMetrics, Mimir,
// Thanos: the way of a fleet into one place. The series are those of /metrics that say where subjects stand.
#include <fmt/format.h>
#include <snappy-c.h>

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include "base/utf8.hpp"
#include "output/output.hpp"
#include "output/shared/http_client.hpp"
#include "output/shared/measures.hpp"
#include "output/shared/subject.hpp"

namespace brink::output {
namespace {

// Fields of prometheus/prompb: WriteRequest.timeseries 1; TimeSeries.labels 1, .samples 2; Label.name 1, .value 2;
// Sample.value 1 (double), .timestamp 2 (ms).
class Message {
  public:
    void add_bytes(unsigned field, std::string_view bytes) {
        add_varint(field << 3 | 2);
        add_varint(bytes.size());
        bytes_ += bytes;
    }
    void add_double(unsigned field, double value) {
        add_varint(field << 3 | 1);
        const auto bits = std::bit_cast<std::uint64_t>(value);
        for (unsigned i = 0; i < 8; ++i) bytes_ += static_cast<char>(bits >> (8 * i) & 0xff);
    }
    void add_int(unsigned field, std::int64_t value) {
        add_varint(field << 3);
        add_varint(static_cast<std::uint64_t>(value));
    }
    [[nodiscard]] const std::string& bytes() const { return bytes_; }

  private:
    void add_varint(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>((value & 0x7f) | 0x80);
        bytes_ += static_cast<char>(value);
    }

    std::string bytes_;
};

// REQUIRES: `labels` are sorted by name, as the receiver wants them.
void add_series(Message& request, const std::vector<std::pair<std::string, std::string>>& labels,
                double value, std::int64_t time_ns) {
    Message series;
    for (const auto& [name, text] : labels) {
        if (text.empty()) continue;
        Message label;
        label.add_bytes(1, name);
        label.add_bytes(2, sanitize_utf8(text));
        series.add_bytes(1, label.bytes());
    }
    Message sample;
    sample.add_double(1, value);
    sample.add_int(2, time_ns / 1'000'000);
    series.add_bytes(2, sample.bytes());
    request.add_bytes(1, series.bytes());
}

std::string compressed(const std::string& bytes) {
    std::size_t size = ::snappy_max_compressed_length(bytes.size());
    std::string text(size, '\0');
    (void)::snappy_compress(bytes.data(), bytes.size(), text.data(), &size);
    text.resize(size);
    return text;
}

class RemoteWrite : public Output {
  public:
    RemoteWrite(Settings& settings, const Surroundings& surroundings)
        : host_(surroundings.host),
          client_(http_options(settings, surroundings, "http://127.0.0.1:9090/api/v1/write")) {
        for (const std::string& label : settings.texts("labels")) {
            const std::size_t equals = label.find('=');
            const std::string name = label.substr(0, equals);
            if (equals == std::string::npos || name != plain_name(name) || name.starts_with("__"))
                settings.complain("labels", fmt::format("{} is no label; write \"NAME=VALUE\"",
                                                        in_quotes(label)));
            else
                labels_.emplace_back(name, label.substr(equals + 1));
        }
    }

    [[nodiscard]] std::size_t most_together() const override { return 128; }

    Answer deliver(std::span<const Entry> entries) override {
        Message request;
        for (const Entry& entry : entries) append(request, entry.event);
        if (request.bytes().empty())
            return Answer::taken(entries.size(), "nothing in it has a value");
        return client_.deliver(compressed(request.bytes()),
                               {"Content-Type: application/x-protobuf", "Content-Encoding: snappy",
                                "X-Prometheus-Remote-Write-Version: 0.1.0"},
                               entries.size());
    }

  private:
    void append(Message& request, const Event& event) const {
        auto labels = labels_;
        labels.emplace_back("host", host_of(event, host_));
        if (event.lost) {
            labels.emplace_back("__name__", "brink_lost_events");
            std::sort(labels.begin(), labels.end());
            return add_series(request, labels, static_cast<double>(*event.lost), event.time_ns);
        }
        labels.emplace_back("resource", event.resource);
        labels.emplace_back("scope", event.scope);
        labels.emplace_back("subject", subject_name(event));
        labels.emplace_back("unit", event.unit);
        for (const Measure& measure : measures_of(event)) {
            auto named = labels;
            named.emplace_back("__name__", fmt::format("brink_{}", measure.name));
            std::sort(named.begin(), named.end());
            add_series(request, named, measure.value, event.time_ns);
        }
    }

    std::string host_;
    HttpClient client_;
    std::vector<std::pair<std::string, std::string>> labels_;  // as configured
};

}  // namespace

extern const Definition k_remote_write;
const Definition k_remote_write{
    .type = "remote_write",
    .summary = "pushes to Prometheus and what speaks its protocol",
    .make = [](Settings& settings, const Surroundings& surroundings) -> std::unique_ptr<Output> {
        return std::make_unique<RemoteWrite>(settings, surroundings);
    },
};

}  // namespace brink::output
