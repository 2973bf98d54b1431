// SPDX-License-Identifier: Apache-2.0
// statsd: gauges for where subjects stand, counters for crossings and refusals, over UDP.
#include <fmt/format.h>

#include "output/output.hpp"
#include "output/shared/datagram.hpp"
#include "output/shared/measures.hpp"
#include "output/shared/subject.hpp"

namespace brink::output {
namespace {

constexpr std::uint16_t kPort = 8125;

class StatsD : public Output {
  public:
    StatsD(Settings& settings, const Surroundings& surroundings)
        : host_(surroundings.host),
          prefix_(plain_prefix(settings)),
          endpoint_(settings.endpoint("address", kPort)) {}

    Answer deliver(std::span<const Entry> entries) override {
        const std::string lines = lines_of(entries.front().event);
        if (lines.empty()) return Answer::taken(1, "nothing in it is counted");
        if (auto sent = send_datagram({}, endpoint_, lines); !sent)
            return Answer::failed(sent.error().message);
        return Answer::taken(1, fmt::format("{} bytes sent to {}; nobody answers", lines.size(),
                                            endpoint_.text()));
    }

  private:
    [[nodiscard]] std::string lines_of(const Event& event) const {
        const std::string host = plain_name(host_of(event, host_));
        if (event.lost) return fmt::format("{}.{}.lost:{}|c", prefix_, host, *event.lost);
        if (event.resource.empty()) return {};
        const std::string path = fmt::format("{}.{}.{}.{}", prefix_, host,
                                             plain_name(event.resource),
                                             plain_name(subject_name(event)));
        std::string lines;
        for (const Measure& measure : measures_of(event))
            lines += fmt::format("{}.{}:{}|g\n", path, measure.name, measure.value);
        if (event.type == EventType::crossing)
            lines += fmt::format("{}.crossings.{}:1|c\n", path,
                                 event.direction == Direction::down ? "down" : "up");
        if (event.type == EventType::denied) lines += path + ".denials:1|c\n";
        return lines;
    }

    std::string host_;
    std::string prefix_;
    Endpoint endpoint_;
};

}  // namespace

extern const Definition k_statsd;
const Definition k_statsd{
    .type = "statsd",
    .summary = "StatsD gauges and counters",
    .make = [](Settings& settings, const Surroundings& surroundings) -> std::unique_ptr<Output> {
        return std::make_unique<StatsD>(settings, surroundings);
    },
};

}  // namespace brink::output
