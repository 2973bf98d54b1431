// SPDX-License-Identifier: Apache-2.0
// collectd: values and notifications in collectd's binary protocol, to the network plugin of a collectd (or to whatever
// understands it, as InfluxDB), unicast or multicast, plain, signed or encrypted.
#include <fmt/format.h>

#include "output/output.hpp"
#include "output/shared/collectd_packet.hpp"
#include "output/shared/datagram.hpp"
#include "output/shared/standing.hpp"
#include "output/shared/subject.hpp"

namespace brink::output {
namespace {

constexpr std::uint16_t kPort = 25826;
constexpr std::size_t kMostUser = 64;

// collectd takes names apart at '/' and, before instances, at '-'.
std::string name_part(std::string_view name) { return plain_name(name, ". "); }

CollectdSeverity severity_of(const Event& event) {
    if (event.type == EventType::denied) return CollectdSeverity::failure;
    if (event.type == EventType::lost) return CollectdSeverity::warning;
    return event.direction == Direction::up ? CollectdSeverity::warning : CollectdSeverity::okay;
}

bool is_notable(const Event& event) {
    return event.type == EventType::crossing || event.type == EventType::initial ||
           event.type == EventType::denied || event.type == EventType::lost;
}

class Collectd : public Output {
  public:
    Collectd(Settings& settings, const Surroundings& surroundings)
        : host_(surroundings.host),
          endpoint_(settings.endpoint("address", kPort)),
          ttl_(static_cast<int>(settings.number("ttl", 1, 255, 1))),
          security_(settings.choice("security", {"none", "sign", "encrypt"}, "none")),
          user_(settings.text("user")),
          password_(settings.secret("password_file")),
          notifications_(settings.flag("notifications", true)),
          interval_ns_(std::int64_t{settings.duration_ms("interval", 3'600'000)} * 1'000'000) {
        if (security_ != "none" && (user_.empty() || password_.empty()))
            settings.complain("security", "it needs user and password_file");
        if (user_.size() > kMostUser)
            settings.complain("user", fmt::format("it is longer than {} bytes", kMostUser));
    }

    Answer deliver(std::span<const Entry> entries) override {
        const Entry& entry = entries.front();
        CollectdPacket packet;
        add_values(packet, entry.event);
        if (notifications_ && (is_notable(entry.event) || entry.is_test()))
            packet.add_notification(name_of(entry.event, "gauge", "usage"),
                                    severity_of(entry.event),
                                    (entry.is_test() ? "test: " : "") + sentence(entry.event));
        if (packet.bytes().empty()) return Answer::taken(1, "nothing in it has a value");
        const auto bytes = secured(packet);
        if (!bytes) return Answer::failed(bytes.error().message);
        if (auto sent = send_datagram({}, endpoint_, *bytes, ttl_); !sent)
            return Answer::failed(sent.error().message);
        return Answer::taken(1, fmt::format("{} bytes sent to {}; nobody answers", bytes->size(),
                                            endpoint_.text()));
    }

  private:
    [[nodiscard]] CollectdName name_of(const Event& event, std::string type,
                                       std::string_view what) const {
        CollectdName name;
        name.host = host_of(event, host_);
        name.plugin = "brink";
        name.plugin_instance = event.type == EventType::lost ? "" : name_part(subject_name(event));
        name.type = std::move(type);
        name.type_instance = event.resource.empty() ? std::string(what)
                                                    : fmt::format("{}-{}", event.resource, what);
        name.time_ns = event.time_ns;
        name.interval_ns = interval_ns_;
        return name;
    }

    void add_values(CollectdPacket& packet, const Event& event) const {
        if (event.lost)
            packet.add_gauge(name_of(event, "gauge", "lost"), static_cast<double>(*event.lost));
        if (!event.usage) return;
        packet.add_gauge(name_of(event, "gauge", "usage"), static_cast<double>(*event.usage));
        if (event.limit.value_or(0) == 0) return;
        packet.add_gauge(name_of(event, "gauge", "limit"), static_cast<double>(*event.limit));
        packet.add_gauge(name_of(event, "percent", "used"), 100 * ratio_of(event));
    }

    [[nodiscard]] Result<std::string> secured(const CollectdPacket& packet) const {
        if (security_ == "sign") return packet.signed_by(user_, password_);
        if (security_ == "encrypt") return packet.encrypted_for(user_, password_);
        return packet.bytes();
    }

    std::string host_;
    Endpoint endpoint_;
    int ttl_;
    std::string security_;
    std::string user_;
    std::string password_;
    bool notifications_;
    std::int64_t interval_ns_;
};

}  // namespace

extern const Definition k_collectd;
const Definition k_collectd{
    .type = "collectd",
    .summary = "collectd's binary protocol, signed or encrypted",
    .make = [](Settings& settings, const Surroundings& surroundings) -> std::unique_ptr<Output> {
        return std::make_unique<Collectd>(settings, surroundings);
    },
};

}  // namespace brink::output
