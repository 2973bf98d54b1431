// SPDX-License-Identifier: Apache-2.0
// kafka: each event as a message of a topic, with librdkafka: a CloudEvent in binary mode (its Kafka binding, 1.0), whose key is
// the subject, so that what happens to one stays in order. Delivered is what a broker has acknowledged.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/utf8.hpp"
#include "output/output.hpp"
#include "output/shared/cloud_event.hpp"
#include "output/shared/subject.hpp"

namespace brink::output {
namespace {

constexpr int kLookEveryMs = 100;  // whether the relay ends
constexpr int kFurtherMs = 2'000;  // that deliver() waits beyond the time-out of messages
constexpr std::size_t kErrorBytes = 512;

using Setup = std::vector<std::pair<std::string, std::string>>;

// What became of one message; the library writes it, in rd_kafka_poll().
struct Outcome {
    bool known = false;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
};

// No broker will take it, however often it is sent.
bool is_hopeless(rd_kafka_resp_err_t error) {
    return error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
           error == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE || error == RD_KAFKA_RESP_ERR_INVALID_RECORD;
}

class Producer {
  public:
    [[nodiscard]] static Result<std::unique_ptr<Producer>> create(const Setup& setup) {
        std::array<char, kErrorBytes> text{};
        auto producer = std::make_unique<Producer>();
        rd_kafka_conf_t* conf = rd_kafka_conf_new();
        rd_kafka_conf_set_opaque(conf, producer.get());
        rd_kafka_conf_set_dr_msg_cb(conf,
                                    [](rd_kafka_t*, const rd_kafka_message_t* message, void*) {
                                        auto& outcome = *static_cast<Outcome*>(message->_private);
                                        outcome.known = true;
                                        outcome.error = message->err;
                                    });
        rd_kafka_conf_set_error_cb(conf, [](rd_kafka_t*, int, const char* reason, void* opaque) {
            static_cast<Producer*>(opaque)->problem_ = reason;
        });
        rd_kafka_conf_set_log_cb(conf, nullptr);
        for (const auto& [name, value] : setup) {
            if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text.data(), text.size()) ==
                RD_KAFKA_CONF_OK)
                continue;
            rd_kafka_conf_destroy(conf);
            return fail(terminal_safe(text.data()));
        }
        producer->handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text.data(), text.size());
        if (producer->handle_) return producer;
        rd_kafka_conf_destroy(conf);
        return fail(terminal_safe(text.data()));
    }

    Producer() = default;
    Producer(const Producer&) = delete;
    Producer& operator=(const Producer&) = delete;
    // What is under way is not waited for: it is sent again.
    ~Producer() {
        if (!handle_) return;
        rd_kafka_purge(handle_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(handle_, 0);
        rd_kafka_destroy(handle_);
    }

    // `outcome` is written when it is known, and must be there until then.
    [[nodiscard]] rd_kafka_resp_err_t send(const std::string& topic, const Entry& entry,
                                           const std::string& key, const Setup& headers,
                                           Outcome& outcome) {
        rd_kafka_headers_t* fields = rd_kafka_headers_new(headers.size());
        for (const auto& [name, value] : headers)
            rd_kafka_header_add(fields, name.c_str(), -1, value.data(),
                                static_cast<ssize_t>(value.size()));
        const auto error = rd_kafka_producev(
            handle_, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_KEY(key.data(), key.size()),
            RD_KAFKA_V_VALUE(const_cast<char*>(entry.json.data()), entry.json.size()),
            RD_KAFKA_V_TIMESTAMP(entry.event.time_ns / 1'000'000), RD_KAFKA_V_HEADERS(fields),
            RD_KAFKA_V_OPAQUE(&outcome), RD_KAFKA_V_END);
        if (error) rd_kafka_headers_destroy(fields);  // else they are the message's
        return error;
    }

    void serve(int timeout_ms) { rd_kafka_poll(handle_, timeout_ms); }

    // What the library complained of last.
    [[nodiscard]] const std::string& problem() const { return problem_; }

  private:
    rd_kafka_t* handle_ = nullptr;
    std::string problem_;
};

std::string address_list(Settings& settings) {
    const std::vector<std::string> brokers = settings.texts("brokers");
    if (brokers.empty())
        settings.complain("brokers",
                          "it is missing; write a list, as in [\"kafka1:9092\", \"kafka2:9092\"]");
    return fmt::format("{}", fmt::join(brokers, ","));
}

class Kafka : public Output {
  public:
    Kafka(Settings& settings, const Surroundings& surroundings)
        : host_(surroundings.host),
          stop_fd_(surroundings.stop_fd),
          topic_(settings.text("topic", "brink")),
          source_(settings.text("source")),
          timeout_ms_(settings.duration_ms("timeout", 10'000)) {
        if (topic_.empty() || topic_.size() > 249 || topic_ != plain_name(topic_, "."))
            settings.complain("topic", "write up to 249 letters, digits, '.', '-' and '_'");
        setup_ = {{"bootstrap.servers", address_list(settings)},
                  {"client.id", "brink"},
                  {"enable.idempotence", "true"},
                  {"acks", "all"},
                  {"linger.ms", "1"},
                  {"message.timeout.ms", std::to_string(timeout_ms_)},
                  {"log_level", "0"}};
        read_security(settings);
    }

    [[nodiscard]] std::size_t most_together() const override { return 256; }

    Answer deliver(std::span<const Entry> entries) override {
        if (!producer_) {
            auto created = Producer::create(setup_);
            if (!created) return Answer::failed(created.error().message);
            producer_ = std::move(*created);
        }
        std::vector<Outcome> outcomes(entries.size());
        for (std::size_t i = 0; i < entries.size(); ++i) send(entries[i], outcomes[i]);
        wait_for(outcomes);
        const auto good = [](const Outcome& outcome) { return outcome.known && !outcome.error; };
        const auto bad = std::find_if_not(outcomes.begin(), outcomes.end(), good);
        const auto taken = static_cast<std::size_t>(bad - outcomes.begin());
        Answer answer = taken > 0 ? Answer::taken(taken, fmt::format("{} acknowledged in topic {}",
                                                                     taken, topic_))
                                  : answer_to(*bad);
        // What is behind it is sent again, and must not arrive from here any more. The outcomes are gone then.
        if (bad != outcomes.end()) producer_.reset();
        return answer;
    }

  private:
    void read_security(Settings& settings) {
        const bool tls = settings.flag("tls", false);
        const std::string user = settings.text("user");
        setup_.emplace_back("security.protocol", fmt::format("{}{}", user.empty() ? "" : "sasl_",
                                                             tls ? "ssl" : "plaintext"));
        if (const std::string authorities = settings.text("ca_file"); !authorities.empty())
            setup_.emplace_back("ssl.ca.location", authorities);
        const std::string mechanism = settings.choice("mechanism",
                                                      {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"},
                                                      "SCRAM-SHA-512");
        const std::string password = settings.secret("password_file");
        if (user.empty()) return;
        if (!settings.has("password_file"))
            settings.complain("password_file",
                              "a user has a password; write the file whose first line it is");
        if (mechanism == "PLAIN" && !tls)
            settings.complain("mechanism",
                              "PLAIN sends the password as it is; write tls = true as well, or "
                              "SCRAM-SHA-512");
        setup_.emplace_back("sasl.mechanism", mechanism);
        setup_.emplace_back("sasl.username", user);
        setup_.emplace_back("sasl.password", password);
    }

    void send(const Entry& entry, Outcome& outcome) {
        Setup headers{{"content-type", "application/json"}};
        for (auto& [name, value] : cloud_attributes_of(entry, host_, source_))
            headers.emplace_back("ce_" + name, std::move(value));
        const std::string key = host_of(entry.event, host_) + "/" + subject_name(entry.event);
        const auto error = producer_->send(topic_, entry, key, headers, outcome);
        if (error) outcome = {true, error};
    }

    // Until every outcome is known, or the relay ends.
    void wait_for(const std::vector<Outcome>& outcomes) {
        const auto unknown = [](const Outcome& outcome) { return !outcome.known; };
        const std::uint64_t end_ns =
            monotonic_now_ns() + static_cast<std::uint64_t>(timeout_ms_ + kFurtherMs) * 1'000'000;
        while (std::any_of(outcomes.begin(), outcomes.end(), unknown) &&
               monotonic_now_ns() < end_ns) {
            pollfd stop{stop_fd_, POLLIN, 0};
            if (::poll(&stop, 1, 0) > 0) return;
            producer_->serve(kLookEveryMs);
        }
    }

    [[nodiscard]] Answer answer_to(const Outcome& outcome) const {
        const std::string what = outcome.known ? rd_kafka_err2str(outcome.error) : "no answer";
        if (outcome.known && is_hopeless(outcome.error)) return Answer::refused(1, what);
        return Answer::failed(producer_->problem().empty()
                                  ? what
                                  : what + ": " + terminal_safe(producer_->problem()));
    }

    std::string host_;
    int stop_fd_;
    std::string topic_;
    std::string source_;
    int timeout_ms_;
    Setup setup_;
    std::unique_ptr<Producer> producer_;
};

}  // namespace

extern const Definition k_kafka;
const Definition k_kafka{
    .type = "kafka",
    .summary = "messages of a Kafka topic, as CloudEvents",
    .make = [](Settings& settings, const Surroundings& surroundings) -> std::unique_ptr<Output> {
        return std::make_unique<Kafka>(settings, surroundings);
    },
};

}  // namespace brink::output
