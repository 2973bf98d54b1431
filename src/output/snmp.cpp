// SPDX-License-Identifier: Apache-2.0
// snmp: notifications of SNMPv2c, as packaging/snmp/BRINK-MIB.txt describes them, over UDP with net-snmp's library. An
// inform (RFC 3416, 4.2.7) is acknowledged, a trap is not.
#include <fmt/format.h>

// In this order: the headers rely on it.
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/utf8.hpp"
#include "output/output.hpp"
#include "output/shared/log_entry.hpp"
#include "output/shared/subject.hpp"
#include "sink/json.hpp"

namespace brink::output {
namespace {

constexpr std::uint16_t kPort = 162;
constexpr std::size_t kMostTextBytes = 255;  // DisplayString, RFC 2579
// The playpen of net-snmp: the project has no number of its own.
constexpr std::string_view kBase = "1.3.6.1.4.1.8072.9999.9999";

using Oid = std::vector<oid>;

const Oid kSysUpTime{1, 3, 6, 1, 2, 1, 1, 3, 0};          // SNMPv2-MIB
const Oid kSnmpTrapOid{1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0};  // SNMPv2-MIB

// brinkObjects of BRINK-MIB.
enum Object : oid {
    host = 1,
    time,
    sentence_text,
    resource,
    subject,
    direction,
    level,
    usage,
    limit,
    unit,
    pid,
    error,
    lost,
    number
};

// brinkNotifications of BRINK-MIB.
oid notification_of(EventType type) {
    switch (type) {
        case EventType::crossing: return 1;
        case EventType::initial: return 2;
        case EventType::denied: return 3;
        case EventType::limit_changed: return 4;
        case EventType::exit: return 5;
        case EventType::lost: return 6;
        case EventType::resync: return 7;
        case EventType::action: return 8;
    }
    return 0;
}

// "1.3.6.1"; empty where it is none.
Oid parse_oid(std::string_view text) {
    Oid parsed;
    for (bool more = true; more;) {
        const std::string part(text.substr(0, text.find('.')));
        more = part.size() < text.size();
        if (part.empty() || part.size() > 9 || part.find_first_not_of("0123456789") != part.npos)
            return {};
        parsed.push_back(std::strtoul(part.c_str(), nullptr, 10));
        if (more) text.remove_prefix(part.size() + 1);
    }
    return parsed.size() < 2 || parsed.size() > MAX_OID_LEN - 4 ? Oid{} : parsed;
}

// Once for all outputs: the library reads no files, neither of configuration nor MIBs.
void begin_library() {
    static std::once_flag once;
    std::call_once(once, [] {
        netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
        netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
        netsnmp_ds_set_string(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_MIBDIRS, "");
        snmp_disable_log();
        init_snmp("brink-relay");
    });
}

class Pdu {
  public:
    Pdu(int command, Oid base) : pdu_(snmp_pdu_create(command)), base_(std::move(base)) {}
    ~Pdu() {
        if (pdu_) snmp_free_pdu(pdu_);
    }
    Pdu(const Pdu&) = delete;
    Pdu& operator=(const Pdu&) = delete;

    void add(const Oid& name, unsigned char type, const void* value, std::size_t bytes) {
        snmp_pdu_add_variable(pdu_, name.data(), name.size(), type, value, bytes);
    }
    void add_text(Object object, std::string_view text) {
        if (text.empty()) return;
        const std::string safe = shorten(sanitize_utf8(text), kMostTextBytes);
        add(name_of(object), ASN_OCTET_STR, safe.data(), safe.size());
    }
    void add_number(Object object, std::optional<std::uint64_t> value) {
        if (!value) return;
        const counter64 halves{static_cast<u_long>(*value >> 32U),
                               static_cast<u_long>(*value & 0xffffffffU)};
        add(name_of(object), ASN_COUNTER64, &halves, sizeof halves);
    }
    void add_integer(Object object, std::optional<std::int32_t> value) {
        if (!value) return;
        const long integer = *value;
        add(name_of(object), ASN_INTEGER, &integer, sizeof integer);
    }

    [[nodiscard]] netsnmp_pdu* get() const { return pdu_; }
    // The session has it, and frees it.
    void release() { pdu_ = nullptr; }

  private:
    [[nodiscard]] Oid name_of(Object object) const {
        Oid name = base_;
        name.insert(name.end(), {1, object, 0});
        return name;
    }

    netsnmp_pdu* pdu_;
    Oid base_;
};

void add_event(Pdu& pdu, const Entry& entry, const std::string& host_name) {
    const Event& event = entry.event;
    pdu.add_text(host, host_of(event, host_name));
    pdu.add_text(time, sink::utc_time(event.time_ns));
    pdu.add_text(sentence_text, log_entry_of(entry).sentence);
    pdu.add_text(resource, event.resource);
    if (!event.resource.empty()) pdu.add_text(subject, subject_name(event));
    if (event.direction) pdu.add_integer(direction, *event.direction == Direction::up ? 1 : 2);
    pdu.add_text(level, event.level_as);
    pdu.add_number(usage, event.usage);
    pdu.add_number(limit, event.limit);
    pdu.add_text(unit, event.unit);
    pdu.add_integer(pid, event.pid);
    const char* name = event.error ? ::strerrorname_np(*event.error) : nullptr;
    pdu.add_text(error, name ? name : event.reason);
    pdu.add_number(lost, event.lost);
    pdu.add_number(number, entry.number);
}

class Snmp : public Output {
  public:
    Snmp(Settings& settings, const Surroundings& surroundings)
        : host_(surroundings.host),
          endpoint_(settings.endpoint("address", kPort)),
          community_(settings.secret("community_file")),
          inform_(settings.choice("notification", {"inform", "trap"}, "inform") == "inform"),
          base_(parse_oid(settings.text("base_oid", std::string(kBase)))),
          timeout_ms_(settings.duration_ms("timeout", 2'000)) {
        if (!settings.has("community_file"))
            settings.complain("community_file",
                              "it is missing; write the file whose first line is the community");
        if (base_.empty())
            settings.complain("base_oid", fmt::format("write numbers with dots, as in {}", kBase));
    }
    ~Snmp() override { close(); }

    Result<void> start() override {
        begin_library();
        return {};
    }

    Answer deliver(std::span<const Entry> entries) override {
        if (auto opened = open(); !opened) return Answer::failed(opened.error().message);
        Pdu pdu(inform_ ? SNMP_MSG_INFORM : SNMP_MSG_TRAP2, base_);
        if (!pdu.get()) return Answer::failed("no memory");
        const auto up = static_cast<u_long>(up_time(entries.front().event));
        pdu.add(kSysUpTime, ASN_TIMETICKS, &up, sizeof up);
        Oid what = base_;
        what.insert(what.end(), {0, notification_of(entries.front().event.type)});
        pdu.add(kSnmpTrapOid, ASN_OBJECT_ID, what.data(), what.size() * sizeof(oid));
        add_event(pdu, entries.front(), host_);
        return inform_ ? inform(pdu) : trap(pdu);
    }

  private:
    // Hundredths of a second since the machine was started (SNMPv2-MIB, sysUpTime), at the event.
    static std::uint64_t up_time(const Event& event) {
        return event.monotonic_ns / 10'000'000 & 0xffffffffU;
    }

    [[nodiscard]] Result<void> open() {
        if (session_) return {};
        const std::string peer =
            (endpoint_.host.find(':') == std::string::npos ? "udp:" : "udp6:") + endpoint_.text();
        netsnmp_session wanted;
        snmp_sess_init(&wanted);
        wanted.version = SNMP_VERSION_2c;
        wanted.peername = const_cast<char*>(peer.c_str());
        wanted.community = reinterpret_cast<u_char*>(community_.data());
        wanted.community_len = community_.size();
        wanted.timeout = static_cast<long>(timeout_ms_) * 1000;
        wanted.retries = 1;
        session_ = snmp_sess_open(&wanted);
        if (session_) return {};
        return fail(
            fmt::format("{}: {}", endpoint_.text(), snmp_api_errstring(wanted.s_snmp_errno)));
    }

    void close() {
        if (session_) snmp_sess_close(session_);
        session_ = nullptr;
    }

    Answer failed() {
        char* text = nullptr;
        snmp_sess_error(session_, nullptr, nullptr, &text);
        const std::unique_ptr<char, decltype(&std::free)> owned(text, &std::free);
        Answer answer = Answer::failed(
            fmt::format("{}: {}", endpoint_.text(), text ? text : "unknown"));
        close();
        return answer;
    }

    Answer trap(Pdu& pdu) {
        if (snmp_sess_send(session_, pdu.get()) == 0) return failed();
        pdu.release();
        return Answer::taken(1, fmt::format("trap sent to {}; nobody answers", endpoint_.text()));
    }

    // Sent again once by the library, and by the relay after that.
    Answer inform(Pdu& pdu) {
        netsnmp_pdu* response = nullptr;
        const int status = snmp_sess_synch_response(session_, pdu.get(), &response);
        pdu.release();
        const std::unique_ptr<netsnmp_pdu, decltype(&snmp_free_pdu)> owned(response,
                                                                           &snmp_free_pdu);
        if (status == STAT_TIMEOUT) {
            close();
            return Answer::failed(
                fmt::format("{}: no answer to an inform in {} ms; is the community right?",
                            endpoint_.text(), 2 * timeout_ms_));
        }
        if (status != STAT_SUCCESS || !response) return failed();
        if (response->errstat != SNMP_ERR_NOERROR)
            return Answer::failed(fmt::format("{}: {}", endpoint_.text(),
                                              snmp_errstring(static_cast<int>(response->errstat))));
        return Answer::taken(1, fmt::format("{} has acknowledged", endpoint_.text()));
    }

    std::string host_;
    Endpoint endpoint_;
    std::string community_;
    bool inform_;
    Oid base_;
    int timeout_ms_;
    void* session_ = nullptr;
};

}  // namespace

extern const Definition k_snmp;
const Definition k_snmp{
    .type = "snmp",
    .summary = "SNMPv2c informs and traps",
    .make = [](Settings& settings, const Surroundings& surroundings) -> std::unique_ptr<Output> {
        return std::make_unique<Snmp>(settings, surroundings);
    },
};

}  // namespace brink::output
