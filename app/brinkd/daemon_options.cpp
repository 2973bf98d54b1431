// SPDX-License-Identifier: Apache-2.0
#include "daemon_options.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "arguments.hpp"
#include "base/units.hpp"
#include "brink/protocol.h"
#include "option_values.hpp"

namespace brink::app {
namespace {

constexpr int kUsage = 2;

constexpr std::string_view kHelp =
    R"(usage: brinkd [OPTION]...

Watches what the rules of its configuration say, acts as they say, and keeps the
history that brink events shows. Watches on behalf of every program that
connects, each for what its user may watch: brink run and brink watch of ordinary
users, and what uses libbrink. Runs in the foreground until SIGTERM or SIGINT;
SIGHUP has it read its configuration anew and check every count.

  --config FILE          /etc/brink/brink.toml unless given; conf.d/*.toml beside
                         it are read, too
  --check                say what is wrong with the configuration, or what it
                         means, and end
  --socket PATH          where to listen; /run/brink/brink.sock unless given
  --group GROUP          whose members may watch everything; brink unless given
  --engine ENGINE        auto, kernel, tracepoint or poll; auto is kernel, or poll
                         where that cannot be had. tracepoint slows down every
                         process on the machine while something is watched
  --max-subjects N       processes watched at once, children included; 16384
  --max-watches N        watches at once; 4096
  --max-clients N        connections at once; 1024

what one user may have:
  --user-clients N       connections; 64
  --user-watches N       watches; 1024
  --user-levels N        levels of all watches; 4096
  --user-subjects N      processes watched, children included; 1024
  --user-queue BYTES     events that wait to be read; 4M

  --version, -h, --help

The manual: man brinkd
)";

struct NumberOption {
    const char* name;
    std::uint64_t least;
    std::uint64_t most;
    void (*set)(DaemonOptions&, std::uint64_t);
};

constexpr NumberOption kNumbers[] = {
    {"--max-subjects", 1, 1 << 20,
     [](DaemonOptions& o, std::uint64_t n) {
         o.source.max_subjects = static_cast<std::uint32_t>(n);
     }},
    {"--max-watches", 1, BRINK_MAX_WATCHES,
     [](DaemonOptions& o, std::uint64_t n) {
         o.source.max_watches = static_cast<std::uint32_t>(n);
     }},
    {"--max-clients", 1, 65535,
     [](DaemonOptions& o, std::uint64_t n) {
         o.source.max_clients = static_cast<std::uint32_t>(n);
     }},
    {"--user-clients", 1, 65535, [](DaemonOptions& o, std::uint64_t n) { o.quotas.clients = n; }},
    {"--user-watches", 1, BRINK_MAX_WATCHES,
     [](DaemonOptions& o, std::uint64_t n) { o.quotas.watches = n; }},
    {"--user-levels", 1, std::uint64_t{BRINK_MAX_WATCHES} * BRINK_MAX_LEVELS,
     [](DaemonOptions& o, std::uint64_t n) { o.quotas.levels = n; }},
    {"--user-subjects", 1, 1 << 20,
     [](DaemonOptions& o, std::uint64_t n) { o.quotas.subjects = n; }},
};

Result<void> set_numbers(const Arguments& arguments, DaemonOptions& options) {
    for (const NumberOption& number : kNumbers) {
        const auto text = arguments.one(number.name);
        if (!text) return tl::unexpected(text.error());
        if (!*text) continue;
        const auto value = parse_number(number.name, **text, number.least, number.most);
        if (!value) return tl::unexpected(value.error());
        number.set(options, *value);
    }
    return {};
}

Result<void> set_others(const Arguments& arguments, DaemonOptions& options) {
    const auto socket = arguments.one("--socket");
    const auto engine = arguments.one("--engine");
    const auto queue = arguments.one("--user-queue");
    const auto configuration = arguments.one("--config");
    const auto group = arguments.one("--group");
    for (const auto* one : {&socket, &group, &engine, &queue, &configuration})
        if (!*one) return tl::unexpected(one->error());
    options.check = arguments.has("--check");
    options.configuration = configuration->value_or(options.configuration);
    options.socket = socket->value_or(BRINK_SOCKET);
    if (options.socket.empty())
        return fail("option --socket: the path is empty; write where to listen");
    options.group = group->value_or(options.group);
    if (*engine) {
        const auto wish = broker::parse_engine_wish(**engine);
        if (!wish) return fail("option --engine: " + wish.error().message);
        options.source.engine = *wish;
    }
    if (*queue) {
        const auto bytes = parse_quantity(**queue, Unit::bytes);
        if (!bytes || *bytes < 4096 || *bytes > std::uint64_t{1} << 40U)
            return fail(
                fmt::format("option --user-queue: {} is no size from 4K to 1T; write as in 1M",
                            **queue));
        options.quotas.queue_bytes = *bytes;
    }
    return {};
}

}  // namespace

std::variant<DaemonOptions, Stop> parse_daemon_line(int argc, const char* const* argv,
                                                    DaemonOptions options) {
    std::vector<std::string> names{"--config", "--socket", "--group", "--engine", "--user-queue"};
    for (const NumberOption& number : kNumbers) names.emplace_back(number.name);
    Arguments arguments(names, {"--check", "--version"});
    const std::span<const char* const> words(argv, static_cast<std::size_t>(argc));
    Result<void> done = arguments.parse(words.subspan(argc > 0 ? 1 : 0), false);
    if (done && arguments.help()) return Stop{.status = 0, .out = std::string(kHelp), .err = {}};
    if (done && arguments.has("--version"))
        return Stop{.status = 0, .out = "brinkd " BRINK_VERSION "\n", .err = {}};
    if (done) done = set_numbers(arguments, options);
    if (done) done = set_others(arguments, options);
    if (!done)
        return Stop{.status = kUsage,
                    .out = {},
                    .err = fmt::format("brinkd: {}\n", done.error().message)};
    return options;
}

}  // namespace brink::app
