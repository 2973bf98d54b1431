// SPDX-License-Identifier: Apache-2.0
// opentsdb: lines "put PREFIX.usage TIME VALUE host=HOST resource=RESOURCE …" over TCP, for OpenTSDB and what speaks its telnet
// protocol (VictoriaMetrics).
#include <fmt/format.h>

#include "output/output.hpp"
#include "output/shared/connection.hpp"
#include "output/shared/measures.hpp"
#include "output/shared/subject.hpp"

namespace brink::output {
namespace {

constexpr std::uint16_t kPort = 4242;

class OpenTsdb : public Output {
  public:
    OpenTsdb(Settings& settings, const Surroundings& surroundings)
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
        // Not milliseconds, which OpenTSDB takes as well, but not everybody who speaks its protocol.
        const std::int64_t seconds = event.time_ns / 1'000'000'000;
        const std::string host = plain_name(host_of(event, host_), "./");
        if (event.lost)
            lines += fmt::format("put {}.lost {} {} host={}\n", prefix_, seconds, *event.lost,
                                 host);
        for (const Measure& measure : measures_of(event))
            lines += fmt::format("put {}.{} {} {} host={} resource={} scope={} subject={}\n",
                                 prefix_, measure.name, seconds, measure.value, host,
                                 plain_name(event.resource), plain_name(event.scope),
                                 plain_name(subject_name(event), "./"));
    }

    std::string host_;
    std::string prefix_;
    Connection connection_;
};

}  // namespace

extern const Definition k_opentsdb;
const Definition k_opentsdb{
    .type = "opentsdb",
    .summary = "OpenTSDB's lines, VictoriaMetrics",
    .make = [](Settings& settings, const Surroundings& surroundings) -> std::unique_ptr<Output> {
        return std::make_unique<OpenTsdb>(settings, surroundings);
    },
};

}  // namespace brink::output
