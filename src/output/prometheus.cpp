// SPDX-License-Identifier: Apache-2.0
// prometheus: serves /metrics for Prometheus to read, in the text format or as OpenMetrics. Gauges say where each subject
// stood at its latest event, counters what has happened since the relay was started. How the relay itself fares is served,
// too.
#include <fmt/format.h>
#include <httplib.h>

#include <mutex>
#include <thread>

#include "output/output.hpp"
#include "output/shared/exposition.hpp"
#include "output/shared/series.hpp"
#include "output/shared/states.hpp"

namespace brink::output {
namespace {

constexpr std::size_t kServers = 4;  // threads: so many readers may be slow
constexpr std::uint16_t kPort = 9774;

void write_states(Exposition& to, const std::map<std::string, State>& states) {
    const auto each = [&](const auto& value) {
        for (const auto& [name, state] : states)
            to.sample({{"output", name}, {"type", state.type}}, value(state));
    };
    to.counter("brink_output_delivered", "Entries that the receiver has taken.");
    each([](const State& state) { return state.delivered; });
    to.counter("brink_output_refused",
               "Entries that the receiver will not take, and were left out.");
    each([](const State& state) { return state.refused; });
    to.counter("brink_output_missed", "Entries that were not in the history any longer.");
    each([](const State& state) { return state.missed; });
    to.counter("brink_output_failures", "Attempts to deliver that failed, and were repeated.");
    each([](const State& state) { return state.failures; });
    to.gauge("brink_output_behind", "Entries of the history that the output has still to get.");
    each([](const State& state) { return state.behind(); });
    to.gauge("brink_output_up", "Whether the output can deliver at present.");
    each([](const State& state) { return std::uint64_t{state.problem.empty() ? 1U : 0U}; });
}

class Prometheus : public Output {
  public:
    Prometheus(Settings& settings, const Surroundings& surroundings)
        : surroundings_(surroundings),
          listen_(settings.endpoint("listen", kPort, "127.0.0.1")),
          series_(settings.number("max_subjects", 1, 100'000, 1000)) {}

    ~Prometheus() override {
        server_.stop();
        if (thread_.joinable()) thread_.join();
    }

    Result<void> start() override {
        if (thread_.joinable()) return {};
        server_.new_task_queue = [] { return new httplib::ThreadPool(kServers); };
        // Not httplib's SO_REUSEPORT, with which two relays share a port and each answers now and then.
        server_.set_socket_options([](int socket) {
            const int yes = 1;
            (void)::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        });
        server_.set_read_timeout(5);
        server_.set_write_timeout(5);
        server_.set_payload_max_length(4096);
        server_.Get("/metrics", [this](const httplib::Request& request,
                                       httplib::Response& response) {
            const bool open_metrics = wants_open_metrics(request.get_header_value("Accept"));
            response.set_content(metrics(open_metrics),
                                 std::string(Exposition::content_type(open_metrics)));
        });
        server_.Get("/", [](const httplib::Request&, httplib::Response& response) {
            response.set_content("brink: the metrics are at /metrics\n", "text/plain");
        });
        if (!server_.bind_to_port(listen_.host, listen_.port))
            return fail_errno(fmt::format("prometheus: {} cannot be listened at", listen_.text()));
        thread_ = std::thread([this] { server_.listen_after_bind(); });
        return {};
    }

    [[nodiscard]] std::size_t most_together() const override { return 256; }

    [[nodiscard]] bool wants_past() const override { return true; }

    void recall(const Entry& entry) override {
        if (!is_of_a_subject(entry.event)) return;
        const std::lock_guard lock(mutex_);
        series_.place(entry.event, surroundings_.host);
    }

    Answer deliver(std::span<const Entry> entries) override {
        const std::lock_guard lock(mutex_);
        if (entries.front().is_test()) {
            ++tests_;
        } else {
            for (const Entry& entry : entries) series_.count(entry.event, surroundings_.host);
        }
        return Answer::taken(entries.size(),
                             fmt::format("served at http://{}/metrics", listen_.text()));
    }

  private:
    static bool is_of_a_subject(const Event& event) {
        return event.type != EventType::lost && event.type != EventType::action;
    }

    std::string metrics(bool open_metrics) {
        Exposition text(open_metrics);
        {
            const std::lock_guard lock(mutex_);
            series_.write(text);
            text.counter("brink_test_events", "Test events, which are in no other metric.");
            text.sample({}, tests_);
        }
        write_states(text, surroundings_.states->all());
        return text.finish();
    }

    Surroundings surroundings_;
    Endpoint listen_;
    std::mutex mutex_;
    Series series_;            // under mutex_
    std::uint64_t tests_ = 0;  // under mutex_
    httplib::Server server_;
    std::thread thread_;
};

}  // namespace

extern const Definition k_prometheus;
const Definition k_prometheus{
    .type = "prometheus",
    .summary = "/metrics for Prometheus to read",
    .make = [](Settings& settings, const Surroundings& surroundings) -> std::unique_ptr<Output> {
        return std::make_unique<Prometheus>(settings, surroundings);
    },
};

}  // namespace brink::output
