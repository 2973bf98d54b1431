// SPDX-License-Identifier: Apache-2.0
#include "latency_options.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "base/nearest.hpp"
#include "base/units.hpp"
#include "base/utf8.hpp"
#include "option_readers.hpp"

namespace brink::app {
namespace {

constexpr std::uint64_t kUsNs = 1'000, kSecondNs = 1'000'000'000;
constexpr std::uint64_t kMostThreads = 1024;
constexpr std::uint64_t kMostCpu = CPU_SETSIZE - 1;
constexpr std::uint64_t kShortestIntervalNs = 10 * kUsNs;
constexpr std::uint64_t kMostWorst = 100;

struct PolicyName {
    std::string_view name;
    int policy;
};
constexpr std::array<PolicyName, 6> kPolicies{{{"fifo", SCHED_FIFO},
                                               {"rr", SCHED_RR},
                                               {"other", SCHED_OTHER},
                                               {"normal", SCHED_OTHER},
                                               {"batch", SCHED_BATCH},
                                               {"idle", SCHED_IDLE}}};

bool is_realtime(int policy) { return policy == SCHED_FIFO || policy == SCHED_RR; }

// A time, of which a bare number means `bare_ns` each.
auto time_of(std::string_view option, std::uint64_t bare_ns) {
    return [=](const std::string& value) -> Result<std::uint64_t> {
        if (const auto number = parse_count(value); number && *number <= 365 * kDayNs / bare_ns)
            return *number * bare_ns;
        if (value.ends_with('d') && value.size() > 1)
            if (const auto days = parse_count(std::string_view(value).substr(0, value.size() - 1));
                days && *days <= 365)
                return *days * kDayNs;
        return parse_duration_ns(option, value, 365 * kDayNs);
    };
}

Result<int> parse_policy(const std::string& value) {
    for (const PolicyName& known : kPolicies)
        if (known.name == value) return known.policy;
    const std::string_view near = nearest(value, {"fifo", "rr", "other", "batch", "idle"});
    return fail(fmt::format("option --policy: there is no policy {}; {}there are: fifo, rr, other, "
                            "batch, idle",
                            in_quotes(value),
                            near.empty() ? "" : fmt::format("did you mean {}? ", near)));
}

Result<std::optional<std::size_t>> parse_threads(const std::string& value) {
    if (value == "all") return std::nullopt;
    return parse_number("--threads", value, 1, kMostThreads).map([](std::uint64_t n) {
        return std::optional<std::size_t>(n);
    });
}

// "3" or "0-2" of the list `value`.
Result<void> add_cpus(std::string_view part, const std::string& value,
                      std::vector<std::uint32_t>& cpus) {
    const std::size_t dash = part.find('-');
    const auto first = parse_count(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_count(part.substr(dash + 1));
    if (!first || !last || *first > *last || *last > kMostCpu)
        return fail(fmt::format("option --affinity: {} is no list of processors; write it as in "
                                "0-2,5, or all",
                                in_quotes(value)));
    for (std::uint64_t cpu = *first; cpu <= *last; ++cpu)
        cpus.push_back(static_cast<std::uint32_t>(cpu));
    return {};
}

Result<std::vector<std::uint32_t>> parse_cpus(const std::string& value) {
    std::vector<std::uint32_t> cpus;
    if (value == "all") return cpus;
    for (std::string_view rest = value;;) {
        const std::string_view part = rest.substr(0, rest.find(','));
        if (auto added = add_cpus(part, value, cpus); !added) return tl::unexpected(added.error());
        if (part.size() == rest.size()) return cpus;
        rest.remove_prefix(part.size() + 1);
    }
}

Result<std::string> parse_file(const std::string& value) {
    if (value.empty()) return fail("the name of a file is empty; write the file to make");
    return value;
}

Result<void> set_policy(const Arguments& arguments, LatencyOptions& options) {
    Result<void> done = set(arguments, "--priority", number_of("--priority", 1, 99),
                            options.priority);
    if (options.priority) options.policy = SCHED_FIFO;
    if (done) done = set(arguments, "--policy", parse_policy, options.policy);
    if (!done) return done;
    if (is_realtime(options.policy) && !options.priority)
        return fail("option --policy: fifo and rr need a priority; write -p N, 1 to 99");
    if (!is_realtime(options.policy) && options.priority)
        return fail("option --priority is for policies fifo and rr; write one of them, or no -p");
    return {};
}

Result<void> set_times(const Arguments& arguments, LatencyOptions& options) {
    Result<void> done = set(arguments, "--interval", time_of("--interval", kUsNs),
                            options.interval_ns);
    if (done && options.interval_ns < kShortestIntervalNs)
        done = fail("option --interval: it is too short; write at least 10 us");
    if (done)
        done = set(arguments, "--distance", time_of("--distance", kUsNs), options.distance_ns);
    if (done)
        done = set(arguments, "--duration", time_of("--duration", kSecondNs), options.duration_ns);
    if (done)
        done = set(arguments, "--histogram", time_of("--histogram", kUsNs), options.histogram_ns);
    if (done && !arguments.all("--histogram").empty() && !options.histogram_ns)
        done = fail("option --histogram: '0' shows nothing; write up to where, in microseconds");
    return done;
}

}  // namespace

std::vector<const char*> with_bare_options(std::span<const char* const> words) {
    std::vector<const char*> completed;
    for (std::size_t i = 0; i < words.size(); ++i) {
        completed.push_back(words[i]);
        const std::string_view word = words[i];
        if (word != "-t" && word != "--threads" && word != "-a" && word != "--affinity") continue;
        const std::string_view next = i + 1 < words.size() ? words[i + 1] : "-";
        if (next.starts_with('-')) completed.push_back("all");
    }
    return completed;
}

Result<LatencyOptions> read_latency_options(const Arguments& arguments) {
    LatencyOptions options;
    options.lock_memory = arguments.has("--mlockall");
    options.quiet = arguments.has("--quiet");
    options.default_system = arguments.has("--default-system");
    Result<void> done = set(arguments, "--threads", parse_threads, options.threads);
    if (done) done = set(arguments, "--affinity", parse_cpus, options.cpus);
    if (done) done = set_policy(arguments, options);
    if (done) done = set_times(arguments, options);
    if (done)
        done = set(arguments, "--loops", number_of("--loops", 0, 1'000'000'000'000), options.loops);
    if (done) done = set(arguments, "--worst", number_of("--worst", 0, kMostWorst), options.worst);
    if (done) done = set(arguments, "--plot", parse_file, options.plot);
    if (done) done = set(arguments, "--samples", parse_file, options.samples);
    if (done) done = set(arguments, "--output", parse_output, options.output);
    if (done) done = set(arguments, "--btf", parse_btf, options.btf);
    if (!done) return tl::unexpected(done.error());
    return options;
}

}  // namespace brink::app
