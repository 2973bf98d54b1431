// SPDX-License-Identifier: Apache-2.0
// The text in which Prometheus reads metrics: the format 0.0.4, or OpenMetrics 1.0.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace brink::output {

using Labels = std::vector<std::pair<std::string_view, std::string>>;

/// Which single event stands behind the latest increase of a counter; only OpenMetrics has a place for it.
struct Exemplar {
    Labels labels;  ///< at most 128 characters together
    double value = 0;
    std::int64_t time_ns = 0;  ///< CLOCK_REALTIME; 0: there is none
};

class Exposition {
  public:
    explicit Exposition(bool open_metrics) : open_metrics_(open_metrics) {}

    /// Begins a metric; its samples follow. A counter's `name` is without "_total". `unit`: as in OpenMetrics, the end of
    /// the name ("seconds"), or empty.
    void counter(std::string_view name, std::string_view help) { begin(name, "counter", {}, help); }
    void gauge(std::string_view name, std::string_view help, std::string_view unit = {}) {
        begin(name, "gauge", unit, help);
    }

    void sample(const Labels& labels, double value);
    void sample(const Labels& labels, std::uint64_t count, const Exemplar& exemplar = {});

    /// All of it. Nothing can be added after it.
    [[nodiscard]] std::string finish();

    /// The content type of the text.
    [[nodiscard]] static std::string_view content_type(bool open_metrics);

  private:
    void begin(std::string_view name, std::string_view type, std::string_view unit,
               std::string_view help);
    void start_sample(const Labels& labels);

    bool open_metrics_;
    bool counts_ = false;
    std::string name_;
    std::string text_;
};

/// Whether a client that sends this header Accept prefers OpenMetrics.
[[nodiscard]] bool wants_open_metrics(std::string_view accept);

}  // namespace brink::output
