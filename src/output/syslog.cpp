// SPDX-License-Identifier: Apache-2.0
// syslog: RFC 5424 with structured data; over TCP with octet counting (RFC 6587), UDP, or the socket of the system's own
// log daemon. Over UDP and the socket nobody says whether a message has arrived.
#include <fmt/format.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>

#include "base/utf8.hpp"
#include "output/output.hpp"
#include "output/shared/connection.hpp"
#include "output/shared/datagram.hpp"
#include "output/shared/log_entry.hpp"
#include "output/shared/subject.hpp"
#include "sink/json.hpp"

namespace brink::output {
namespace {

constexpr std::uint16_t kPort = 514;
constexpr std::array<std::string_view, 24> kFacilities{"kern",   "user",   "mail",     "daemon",
                                                       "auth",   "syslog", "lpr",      "news",
                                                       "uucp",   "cron",   "authpriv", "ftp",
                                                       "ntp",    "audit",  "alert",    "clock",
                                                       "local0", "local1", "local2",   "local3",
                                                       "local4", "local5", "local6",   "local7"};

// HOSTNAME, APP-NAME and MSGID have printable ASCII only.
std::string header_word(std::string_view text) {
    std::string word = plain_name(text, ".:/@%+");
    word.resize(std::min<std::size_t>(word.size(), 48));
    return word;
}

class StructuredData {
  public:
    explicit StructuredData(std::string_view id) : text_(fmt::format("[{}", id)) {}

    void add(std::string_view name, std::string_view value) {
        text_ += fmt::format(" {}=\"", name);
        for (const char c : sanitize_utf8(value)) {
            if (c == '"' || c == '\\' || c == ']') text_ += '\\';
            text_ += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
        }
        text_ += '"';
    }
    [[nodiscard]] std::string finish() const { return text_ + "]"; }

  private:
    std::string text_;
};

class Syslog : public Output {
  public:
    Syslog(Settings& settings, const Surroundings& surroundings)
        : host_(surroundings.host),
          transport_(settings.choice("transport", {"tcp", "udp", "unix"}, "tcp")),
          path_(transport_ == "unix" ? settings.text("address", "/dev/log") : ""),
          endpoint_(transport_ == "unix" ? Endpoint{} : settings.endpoint("address", kPort)),
          connection_(endpoint_, settings.duration_ms("timeout", 10'000), surroundings.stop_fd),
          facility_(facility_of(settings)),
          id_(settings.text("structured_data_id", "brink@32473")) {
        if (transport_ == "unix" &&
            (path_.empty() || path_.size() >= sizeof(sockaddr_un::sun_path)))
            settings.complain("address", "it has to be the path of a socket, as in /dev/log");
        if (id_.empty() || id_.size() > 32 || id_ != plain_name(id_, "@."))
            settings.complain("structured_data_id",
                              "write NAME@NUMBER, up to 32 letters, digits, '-', '_', '.' and '@'");
    }

    [[nodiscard]] std::size_t most_together() const override {
        return transport_ == "tcp" ? 64 : 1;
    }

    Answer deliver(std::span<const Entry> entries) override {
        if (transport_ != "tcp") {
            const std::string message = message_of(entries.front());
            const auto sent = send_datagram(path_, endpoint_, message);
            if (!sent) return Answer::failed(sent.error().message);
            return Answer::taken(1, fmt::format("{} bytes sent; over {} nobody answers",
                                                message.size(), transport_));
        }
        std::string frames;
        for (const Entry& entry : entries) {
            const std::string message = message_of(entry);
            frames += fmt::format("{} {}", message.size(), message);
        }
        return connection_.deliver(frames, entries.size());
    }

  private:
    static int facility_of(Settings& settings) {
        const std::string name = settings.text("facility", "daemon");
        for (std::size_t i = 0; i < kFacilities.size(); ++i)
            if (kFacilities[i] == name) return static_cast<int>(i);
        settings.complain("facility", fmt::format("there is no facility {}; write, for example, "
                                                  "daemon or local0",
                                                  in_quotes(name)));
        return 0;
    }

    // At most six decimals (RFC 5424, 6.2.3).
    static std::string time_of(const Event& event) {
        std::string time = sink::utc_time(event.time_ns);
        return time.replace(time.size() - 4, 3, "");
    }

    [[nodiscard]] std::string message_of(const Entry& entry) const {
        const Event& event = entry.event;
        const LogEntry log = log_entry_of(entry);
        StructuredData data(id_);
        for (const auto& [name, value] : log.fields) data.add(name, value);
        return fmt::format("<{}>1 {} {} brink {} {} {} {}", facility_ * 8 + log.priority,
                           time_of(event), header_word(host_of(event, host_)), ::getpid(), log.id,
                           data.finish(), log.sentence);
    }

    std::string host_;
    std::string transport_;
    std::string path_;
    Endpoint endpoint_;
    Connection connection_;
    int facility_;
    std::string id_;
};

}  // namespace

extern const Definition k_syslog;
const Definition k_syslog{
    .type = "syslog",
    .summary = "RFC 5424 with structured data, rsyslog",
    .make = [](Settings& settings, const Surroundings& surroundings) -> std::unique_ptr<Output> {
        return std::make_unique<Syslog>(settings, surroundings);
    },
};

}  // namespace brink::output
