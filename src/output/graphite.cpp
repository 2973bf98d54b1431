// SPDX-License-Identifier: Apache-2.0
// graphite: lines "PREFIX.HOST.RESOURCE.SUBJECT.usage VALUE TIME" over TCP, for carbon and whatever speaks its plaintext
// protocol.
#include <fmt/format.h>

#include "output/output.hpp"
#include "output/shared/connection.hpp"
#include "output/shared/measures.hpp"
#include "output/shared/subject.hpp"

namespace brink::output {
namespace {

constexpr std::uint16_t kPort = 2003;

class Graphite : public Output {
  public:
    Graphite(Settings& settings, const Surroundings& surroundings)
        : host_(surroundings.host),
          prefix_(plain_prefix(settings)),
          connection_(settings.endpoint("address", kPort), settings.duration_ms("timeout", 10'000),
                      surroundings.stop_fd) {}

    [[nodiscard]] std::size_t most_together() const override { return 128; }

    Answer deliver(std::span<const Entry> entries) override {
        std::string lines;
        for (const Entry& entry : entries) append(lines, entry.event);
        if (lines.empty()) return Answer::taken(entries.size(), "nothing in it has a value");
        return connection_.deliver(lines, entries.size());
    }

  private:
    void append(std::string& lines, const Event& event) const {
        const std::int64_t seconds = event.time_ns / 1'000'000'000;
        const std::string host = plain_name(host_of(event, host_));
        if (event.lost)
            lines += fmt::format("{}.{}.lost {} {}\n", prefix_, host, *event.lost, seconds);
        const std::string path = fmt::format("{}.{}.{}.{}", prefix_, host,
                                             plain_name(event.resource),
                                             plain_name(subject_name(event)));
        for (const Measure& measure : measures_of(event))
            lines += fmt::format("{}.{} {} {}\n", path, measure.name, measure.value, seconds);
    }

    std::string host_;
    std::string prefix_;
    Connection connection_;
};

}  // namespace

extern const Definition k_graphite;
const Definition k_graphite{
    .type = "graphite",
    .summary = "Graphite's plaintext protocol, carbon",
    .make = [](Settings& settings, const Surroundings& surroundings) -> std::unique_ptr<Output> {
        return std::make_unique<Graphite>(settings, surroundings);
    },
};

}  // namespace brink::output
