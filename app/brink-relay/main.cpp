// SPDX-License-Identifier: Apache-2.0
// brink-relay: carries the events of brinkd's history to the programs that people run. Unprivileged; whatever a receiver
// does, the daemon does not notice.
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <span>
#include <string>

#include "arguments.hpp"
#include "base/fd.hpp"
#include "kernel/procfs.hpp"
#include "output/table.hpp"
#include "relay/control_socket.hpp"
#include "relay/relay.hpp"
#include "stop_signals.hpp"
#include "store/history_reader.hpp"

namespace brink::app {
namespace {

constexpr int kFailure = 1;
constexpr int kUsage = 2;

constexpr std::string_view kHelp =
    R"(usage: brink-relay [OPTION]...

Carries the events of brinkd's history to other programs: every output gets
each event at least once, in order, also after an outage. Runs until TERM.

  -c, --config FILE    not /etc/brink/relay.toml
  --check              says what is wrong with the configuration, and ends
  --version
  -h, --help           this

outputs:
)";

void say(const std::string& what) { fmt::print(stderr, "brink-relay: {}\n", what); }

int complain(const std::string& what) {
    say(what);
    return kUsage;
}

void print_help() {
    fmt::print("{}", kHelp);
    for (const output::Definition* definition : output::definitions())
        fmt::print("  {:<19}  {}\n", definition->type, definition->summary);
    fmt::print("\nThe manual: man brink-relay\n");
}

// Ends the couriers before what they use goes.
class StopOnExit {
  public:
    explicit StopOnExit(const Fd& stop) : stop_(stop) {}
    StopOnExit(const StopOnExit&) = delete;
    StopOnExit& operator=(const StopOnExit&) = delete;
    ~StopOnExit() { (void)!::eventfd_write(stop_.get(), 1); }

  private:
    const Fd& stop_;
};

int serve(relay::Configuration configuration, const std::string& host, const Fd& stop,
          std::unique_ptr<output::States> states) {
    const Fd signals(stop_signals());
    if (!signals) return say("no descriptor is left"), kFailure;
    const std::string control_path = configuration.control;
    auto relay = relay::Relay::start(std::move(configuration), host, stop.get(), say,
                                     std::move(states));
    if (!relay) return say(relay.error().message), kFailure;
    auto control = relay::ControlSocket::listen(control_path, [&](const std::string& question) {
        return (*relay)->answer(question);
    });
    const StopOnExit stop_on_exit(stop);
    if (!control) return say(control.error().message), kFailure;
    std::array<pollfd, 2> fds{{{signals.get(), POLLIN, 0}, {(*control)->fd(), POLLIN, 0}}};
    while (fds[0].revents == 0) {
        if (::poll(fds.data(), fds.size(), -1) < 0) continue;
        if (fds[1].revents != 0) (*control)->serve();
    }
    (void)::unlink(control_path.c_str());
    return 0;
}

int run(std::span<const char* const> words) {
    Arguments arguments({"-c,--config"}, {"--check", "--version"});
    if (auto parsed = arguments.parse(words, false); !parsed)
        return complain(parsed.error().message);
    if (arguments.help()) return print_help(), 0;
    if (arguments.has("--version")) return fmt::print("brink-relay " BRINK_VERSION "\n"), 0;
    const auto config = arguments.one("--config");
    if (!config) return complain(config.error().message);

    const Fd stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!stop) return say("no descriptor is left"), kFailure;
    auto history = std::make_shared<std::string>();
    auto states = std::make_unique<output::States>(
        [history] { return store::newest_written(*history); });
    const std::string host = kernel::Procfs().hostname();
    relay::Configuration configuration = relay::read_configuration(
        config->value_or(relay::kDefaultConfiguration),
        {.name = {}, .host = host, .stop_fd = stop.get(), .states = states.get()});
    *history = configuration.history;
    for (const std::string& complaint : configuration.complaints)
        fmt::print(stderr, "brink-relay: {}\n", complaint);
    if (!configuration.complaints.empty()) return kUsage;
    if (arguments.has("--check")) return 0;
    return serve(std::move(configuration), host, stop, std::move(states));
}

}  // namespace
}  // namespace brink::app

int main(int argc, char** argv) {
    const std::span<const char* const> words(argv, static_cast<std::size_t>(argc));
    return brink::app::run(words.empty() ? words : words.subspan(1));
}
