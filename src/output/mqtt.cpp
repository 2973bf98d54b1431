// SPDX-License-Identifier: Apache-2.0
// mqtt: each event to the topic of its subject, retained, so that whoever subscribes knows where every subject stands; QoS 1;
// a last will that says when this machine is gone. libmosquitto is driven from the output's own thread: it sleeps while nothing
// happens, but for the keep-alive that is configured.
#include <fmt/format.h>
#include <mosquitto.h>
#include <poll.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <set>

#include "base/clock.hpp"
#include "base/utf8.hpp"
#include "output/output.hpp"
#include "output/shared/settings.hpp"
#include "output/shared/subject.hpp"

namespace brink::output {
namespace {

constexpr std::uint16_t kPort = 1883;
constexpr std::uint16_t kTlsPort = 8883;
constexpr int kSlice_ms = 100;  // between two looks at whether the relay ends
constexpr int kLongestKeepAliveSeconds = 65'535;
constexpr int kLongestRetry_ms = 300'000;

struct MosquittoDeleter {
    void operator()(mosquitto* client) const { ::mosquitto_destroy(client); }
};

// A level of a topic: no separator, no wildcard, no control character.
std::string topic_level(std::string_view name) {
    std::string level = sanitize_utf8(name);
    for (char& c : level)
        if (c == '/' || c == '+' || c == '#' || static_cast<unsigned char>(c) < 0x20) c = '_';
    return level.empty() ? "_" : level;
}

struct MqttOptions {
    Endpoint broker;
    std::string prefix;
    std::string client_id;
    std::string user;
    std::string password;
    bool retain = true;
    bool tls = false;
    std::string ca_file;
    std::string cert_file;
    std::string key_file;
    int keep_alive_s = kLongestKeepAliveSeconds;
    int timeout_ms = 10'000;
};

MqttOptions options_of(Settings& settings, const Surroundings& surroundings) {
    MqttOptions options;
    options.tls = settings.flag("tls", false);
    options.broker = settings.endpoint("address", options.tls ? kTlsPort : kPort);
    options.prefix = settings.text("prefix", "brink");
    if (options.prefix.empty() || options.prefix.find_first_of("+#") != std::string::npos)
        settings.complain("prefix", "it has to be the beginning of a topic, without + and #");
    options.client_id = settings.text("client_id", fmt::format("brink-{}-{}", surroundings.host,
                                                               surroundings.name));
    options.user = settings.text("user");
    options.password = settings.secret("password_file");
    options.retain = settings.flag("retain", true);
    options.ca_file = settings.text("ca_file");
    options.cert_file = settings.text("cert_file");
    options.key_file = settings.text("key_file");
    if (!options.tls && !(options.ca_file + options.cert_file + options.key_file).empty())
        settings.complain("tls", "there are files for it; write tls = true");
    if (options.cert_file.empty() != options.key_file.empty())
        settings.complain("key_file", "cert_file and key_file belong together; write both");
    const int keep_alive_ms = settings.duration_ms("keep_alive", 0, true);
    if (keep_alive_ms > 0) {
        options.keep_alive_s = std::min(keep_alive_ms / 1000, kLongestKeepAliveSeconds);
        if (options.keep_alive_s < 5)
            settings.complain("keep_alive", "it is too short; write at least 5s, or 0s for none");
    }
    options.timeout_ms = settings.duration_ms("timeout", options.timeout_ms);
    return options;
}

class Mqtt : public Output {
  public:
    Mqtt(Settings& settings, const Surroundings& surroundings)
        : host_(surroundings.host),
          stop_fd_(surroundings.stop_fd),
          options_(options_of(settings, surroundings)) {}

    // Who ends in good order leaves no will behind, and says so itself.
    ~Mqtt() override {
        stop_fd_ = -1;
        options_.timeout_ms = std::min(options_.timeout_ms, 1000);
        if (!connected_) return;
        (void)publish(relay_topic(), "offline", true);
        (void)wait_for_acknowledgements();
        ::mosquitto_disconnect(client_.get());
    }

    [[nodiscard]] std::size_t most_together() const override { return 64; }

    Answer deliver(std::span<const Entry> entries) override {
        Result<void> done = connect();
        for (const Entry& entry : entries)
            if (done)
                done = publish(topic_of(entry), entry.json, options_.retain && !entry.is_test());
        if (done) done = wait_for_acknowledgements();
        if (!done) return Answer::failed(done.error().message);
        return Answer::taken(entries.size(),
                             fmt::format("{} has acknowledged {} on {}", options_.broker.text(),
                                         entries.size() == 1 ? "it" : "them",
                                         topic_of(entries.back())));
    }

    [[nodiscard]] int fd() const override {
        return connected_ ? ::mosquitto_socket(client_.get()) : -1;
    }

    [[nodiscard]] std::optional<int> wait_ms() const override {
        if (connected_) return options_.keep_alive_s * 500;
        return retry_ms_;
    }

    // Keeps the connection, or makes it again: its will says meanwhile that this machine is gone.
    void serve() override {
        if (connected_) {
            (void)turn(0);
            return;
        }
        retry_ms_ = connect() ? 0 : std::clamp(2 * retry_ms_, 1000, kLongestRetry_ms);
    }

  private:
    std::string relay_topic() const {
        return fmt::format("{}/{}/relay", options_.prefix, topic_level(host_));
    }

    std::string topic_of(const Entry& entry) const {
        const Event& event = entry.event;
        return fmt::format("{}/{}/{}/{}", options_.prefix, topic_level(host_of(event, host_)),
                           event.resource.empty() ? "events" : topic_level(event.resource),
                           event.type == EventType::lost ? "lost"
                                                         : topic_level(subject_name(event)));
    }

    tl::unexpected<Error> give_up(const std::string& what) {
        connected_ = false;
        waiting_for_.clear();
        client_.reset();
        return fail(fmt::format("{}: {}", options_.broker.text(), what), EIO);
    }

    Result<void> prepare() {
        static std::once_flag once;
        std::call_once(once, ::mosquitto_lib_init);
        client_.reset(::mosquitto_new(options_.client_id.c_str(), true, this));
        if (!client_) return give_up("no memory");
        mosquitto* client = client_.get();
        ::mosquitto_connect_callback_set(client, [](mosquitto*, void* self, int code) {
            static_cast<Mqtt*>(self)->connect_code_ = code;
        });
        ::mosquitto_publish_callback_set(client, [](mosquitto*, void* self, int id) {
            static_cast<Mqtt*>(self)->waiting_for_.erase(id);
        });
        int code = MOSQ_ERR_SUCCESS;
        if (!options_.user.empty())
            code = ::mosquitto_username_pw_set(client, options_.user.c_str(),
                                               options_.password.empty()
                                                   ? nullptr
                                                   : options_.password.c_str());
        if (options_.tls && code == MOSQ_ERR_SUCCESS)
            code = ::mosquitto_tls_set(
                client, options_.ca_file.empty() ? nullptr : options_.ca_file.c_str(),
                options_.ca_file.empty() ? "/etc/ssl/certs" : nullptr,
                options_.cert_file.empty() ? nullptr : options_.cert_file.c_str(),
                options_.key_file.empty() ? nullptr : options_.key_file.c_str(), nullptr);
        if (code == MOSQ_ERR_SUCCESS) {
            constexpr std::string_view kGone = "offline";
            code = ::mosquitto_will_set(client, relay_topic().c_str(), kGone.size(), kGone.data(),
                                        1, true);
        }
        if (code != MOSQ_ERR_SUCCESS) return give_up(::mosquitto_strerror(code));
        return {};
    }

    Result<void> connect() {
        if (connected_) return {};
        if (auto prepared = prepare(); !prepared) return prepared;
        connect_code_ = -1;
        const int code = ::mosquitto_connect_async(client_.get(), options_.broker.host.c_str(),
                                                   options_.broker.port, options_.keep_alive_s);
        if (code != MOSQ_ERR_SUCCESS) return give_up(problem(code));
        const std::int64_t until_ns = deadline_ns();
        while (connect_code_ < 0)
            if (auto turned = turn_until(until_ns); !turned) return turned;
        if (connect_code_ != 0) return give_up(::mosquitto_connack_string(connect_code_));
        connected_ = true;
        if (auto published = publish(relay_topic(), "online", true); !published) return published;
        return wait_for_acknowledgements();
    }

    Result<void> publish(const std::string& topic, const std::string& payload, bool retain) {
        int id = 0;
        const int code = ::mosquitto_publish(client_.get(), &id, topic.c_str(),
                                             static_cast<int>(payload.size()), payload.data(), 1,
                                             retain);
        if (code != MOSQ_ERR_SUCCESS) return give_up(problem(code));
        waiting_for_.insert(id);
        return {};
    }

    Result<void> wait_for_acknowledgements() {
        const std::int64_t until_ns = deadline_ns();
        while (!waiting_for_.empty())
            if (auto turned = turn_until(until_ns); !turned) return turned;
        return {};
    }

    [[nodiscard]] std::int64_t deadline_ns() const {
        return clock_ns(CLOCK_MONOTONIC) + std::int64_t{options_.timeout_ms} * 1'000'000;
    }

    Result<void> turn_until(std::int64_t until_ns) {
        if (clock_ns(CLOCK_MONOTONIC) >= until_ns)
            return give_up(fmt::format("no answer within {} ms", options_.timeout_ms));
        pollfd stop{stop_fd_, POLLIN, 0};
        if (::poll(&stop, 1, 0) > 0) return give_up("the relay ends");
        return turn(kSlice_ms);
    }

    // Reads and writes what there is, and sends what is due.
    Result<void> turn(int wait_ms) {
        const int code = ::mosquitto_loop(client_.get(), wait_ms, 1);
        // The broker closes the connection behind its refusal.
        if (code == MOSQ_ERR_SUCCESS || connect_code_ > 0) return {};
        return give_up(problem(code));
    }

    static std::string problem(int code) {
        return code == MOSQ_ERR_ERRNO ? std::strerror(errno) : ::mosquitto_strerror(code);
    }

    std::string host_;
    int stop_fd_;
    MqttOptions options_;
    std::unique_ptr<mosquitto, MosquittoDeleter> client_;
    bool connected_ = false;
    int connect_code_ = -1;      // of CONNACK; -1: it has not come
    std::set<int> waiting_for_;  // messages without PUBACK
    int retry_ms_ = 0;
};

}  // namespace

extern const Definition k_mqtt;
const Definition k_mqtt{
    .type = "mqtt",
    .summary = "MQTT, retained state and last will",
    .make = [](Settings& settings, const Surroundings& surroundings) -> std::unique_ptr<Output> {
        return std::make_unique<Mqtt>(settings, surroundings);
    },
};

}  // namespace brink::output
