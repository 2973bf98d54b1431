// SPDX-License-Identifier: Apache-2.0
// journal: an entry in the journal of systemd for each event, with its fields as BRINK_…, by the journal's own protocol
// (systemd.io/JOURNAL_NATIVE_PROTOCOL).
#include <fmt/format.h>

#include <cctype>

#include "output/output.hpp"
#include "output/shared/datagram.hpp"
#include "output/shared/log_entry.hpp"

namespace brink::output {
namespace {

constexpr std::string_view kMessageId = "9d0e1f6c3c5b4f0f8a3c1d6a6b1e7c42";  // of every event

// "NAME=VALUE\n"; a value with line ends has its length before it, little-endian.
void append_field(std::string& to, std::string_view name, std::string_view value) {
    to += name;
    if (value.find('\n') == std::string_view::npos) {
        to += '=';
    } else {
        to += '\n';
        for (unsigned i = 0; i < 8; ++i)
            to += static_cast<char>(std::uint64_t{value.size()} >> (8 * i) & 0xff);
    }
    to.append(value).append("\n");
}

class Journal : public Output {
  public:
    Journal(Settings& settings, const Surroundings&)
        : socket_(settings.text("socket", "/run/systemd/journal/socket")) {
        if (socket_.empty())
            settings.complain("socket", "it is empty; write the path of the socket");
    }

    Answer deliver(std::span<const Entry> entries) override {
        const LogEntry log = log_entry_of(entries.front());
        std::string datagram;
        append_field(datagram, "MESSAGE", log.sentence);
        append_field(datagram, "MESSAGE_ID", kMessageId);
        append_field(datagram, "PRIORITY", std::to_string(log.priority));
        append_field(datagram, "SYSLOG_IDENTIFIER", "brink");
        for (const auto& [name, value] : log.fields) {
            std::string upper = "BRINK_";
            for (const char c : name)
                upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
            append_field(datagram, upper, value);
        }
        append_field(datagram, "BRINK_EVENT", entries.front().json);
        if (auto sent = send_datagram(socket_, {}, datagram); !sent)
            return Answer::failed(sent.error().message);
        return Answer::taken(1, fmt::format("{} bytes sent to {}; nobody answers", datagram.size(),
                                            socket_));
    }

  private:
    std::string socket_;
};

}  // namespace

extern const Definition k_journal;
const Definition k_journal{
    .type = "journal",
    .summary = "the journal of systemd",
    .make = [](Settings& settings, const Surroundings& surroundings) -> std::unique_ptr<Output> {
        return std::make_unique<Journal>(settings, surroundings);
    },
};

}  // namespace brink::output
