// SPDX-License-Identifier: Apache-2.0
// graphite: lines "PREFIX.HOST.RESOURCE.SUBJECT.usage VALUE TIME" over TCP, for carbon and whatever speaks its plaintext
// protocol.
#include <fmt/format.h>

#include <iterator>

#include "output/output.hpp"
#include "output/shared/connection.hpp"
#include "output/shared/subject.hpp"

namespace brink::output {
namespace {

constexpr std::uint16_t kPort = 2003;

class Graphite : public Output {
  public:
    Graphite(Settings& settings, const Surroundings& surroundings)
        : host_(surroundings.host),
          prefix_(settings.text("prefix", "brink")),
          connection_(settings.endpoint("address", kPort), settings.duration_ms("timeout", 10'000),
                      surroundings.stop_fd) {
        if (prefix_ != plain_name(prefix_, "."))
            settings.complain("prefix", "it may have letters, digits, '-', '_' and '.' only");
    }

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
        if (!event.usage || event.resource.empty()) return;
        const std::string path = fmt::format("{}.{}.{}.{}", prefix_, host,
                                             plain_name(event.resource),
                                             plain_name(subject_name(event)));
        lines += fmt::format("{}.usage {} {}\n", path, *event.usage, seconds);
        if (event.limit.value_or(0) == 0) return;
        lines += fmt::format("{0}.limit {1} {2}\n{0}.headroom_ratio {3:.6f} {2}\n", path,
                             *event.limit, seconds, 1 - ratio_of(event));
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
