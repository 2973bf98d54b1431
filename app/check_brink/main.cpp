// SPDX-License-Identifier: Apache-2.0
// check_brink: a plugin for Nagios and what has come of it. Reads one resource itself, and says UNKNOWN where it may not read
// all that was asked for.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

#include "arguments.hpp"
#include "check.hpp"
#include "engine/watch_spec.hpp"
#include "kernel/tasks.hpp"
#include "option_readers.hpp"

namespace brink::check {
namespace {

constexpr std::string_view kHelp =
    R"(usage: check_brink -r RESOURCE [OPTION]...

How near to their limits subjects are, as a Nagios plugin says it. The worst
one counts. UNKNOWN if not all of them may be read: never a false OK.

  -r, --resource NAME  one of those that brink limits shows
  -w, --warning RANGE  (80)
  -c, --critical RANGE (90)
  -m, --metric M       what the ranges are about: percent (of the limit, unless
                       given), usage or headroom, in the unit of the resource:
                       counts, bytes, nanoseconds
      --pid P          this process only
      --comm N, --unit U, --cgroup C, --user U
                       processes of this name; of a unit of systemd, or its
                       cgroup; of a cgroup and those below it; of a user, or
                       what is counted for the user
  -t, --timeout S      UNKNOWN after so many seconds (10)
  -V, --version
  -h, --help           this

Ranges: 80 alerts above 80 (or below 0), 10: below 10, ~:5 above 5, 10:20
outside of it, @10:20 within it.
)";

constexpr int kUnknown = static_cast<int>(Status::unknown);

int print(const std::string& line) {
    fmt::print("{}\n", line);
    return kUnknown;
}

int wrong(const Error& error) { return print("BRINK UNKNOWN - " + error.message); }

// In a signal handler: nothing but write(2) and _exit(2).
void too_late(int) {
    constexpr std::string_view kLine = "BRINK UNKNOWN - it took longer than the time-out\n";
    (void)!::write(STDOUT_FILENO, kLine.data(), kLine.size());
    ::_exit(kUnknown);
}

Result<Metric> parse_metric(const std::string& text) {
    if (text == "percent") return Metric::percent;
    if (text == "usage") return Metric::usage;
    if (text == "headroom") return Metric::headroom;
    return fail(
        fmt::format("option --metric: there is no metric '{}'; there are: percent, usage, headroom",
                    text));
}

Result<void> set_subject(const app::Arguments& arguments, Options& options) {
    using engine::SelectBy;
    auto done = app::set(arguments, "--pid", app::number_of("--pid", 1, INT_MAX), options.pid);
    std::size_t given = arguments.all("--pid").size();
    for (const SelectBy by : {SelectBy::comm, SelectBy::unit, SelectBy::cgroup, SelectBy::user}) {
        const std::string name = fmt::format("--{}", engine::select_name(by));
        given += arguments.all(name).size();
        const auto text = arguments.one(name);
        if (done && !text) return tl::unexpected(text.error());
        if (!done || !*text) continue;
        auto selection = engine::parse_selection(by, **text);
        if (!selection) return tl::unexpected(selection.error());
        options.selection = std::move(*selection);
    }
    if (done && given > 1)
        return fail(
            "several subjects are given; write one of --pid, --comm, --unit, --cgroup, --user");
    const Scope scope = options.resource->scope;
    if (done && options.selection && !engine::selects(options.selection->by, *options.resource))
        return fail(fmt::format("{} is counted for a {}; --{} does not select one",
                                options.resource->name, scope_name(scope),
                                engine::select_name(options.selection->by)));
    if (done && options.pid && scope != Scope::process)
        return fail(fmt::format("{} is counted for a {}; --pid does not select one",
                                options.resource->name, scope_name(scope)));
    return done;
}

Result<Options> read_options(const app::Arguments& arguments) {
    Options options;
    const auto name = arguments.one("--resource");
    if (!name) return tl::unexpected(name.error());
    if (!*name) return fail("there is no resource; write -r NAME, as in -r nofile");
    const auto resource = engine::parse_resource(**name);
    if (!resource) return tl::unexpected(resource.error());
    options.resource = *resource;
    Result<void> done = app::set(arguments, "--metric", parse_metric, options.metric);
    if (done && options.metric == Metric::percent) {
        options.warning = {.high = 80, .text = "80"};
        options.critical = {.high = 90, .text = "90"};
    } else if (done &&
               (arguments.all("--warning").empty() || arguments.all("--critical").empty())) {
        done = fail(
            "for this metric there are no ranges that everybody would guess; write -w and -c");
    }
    if (done) done = app::set(arguments, "--warning", parse_range, options.warning);
    if (done) done = app::set(arguments, "--critical", parse_range, options.critical);
    if (done) done = set_subject(arguments, options);
    if (!done) return tl::unexpected(done.error());
    return options;
}

int run(std::span<const char* const> words) {
    app::Arguments arguments({"-r,--resource", "-w,--warning", "-c,--critical", "-m,--metric",
                              "--pid", "--comm", "--unit", "--cgroup", "--user", "-t,--timeout"},
                             {"-V,--version"});
    if (auto parsed = arguments.parse(words, false); !parsed) return wrong(parsed.error());
    if (arguments.help()) return fmt::print("{}", kHelp), kUnknown;
    if (arguments.has("--version")) return print("check_brink " BRINK_VERSION);
    unsigned timeout_s = 10;
    if (auto done = app::set(arguments, "--timeout", app::number_of("--timeout", 1, 3600),
                             timeout_s);
        !done)
        return wrong(done.error());
    const auto options = read_options(arguments);
    if (!options) return wrong(options.error());
    ::signal(SIGALRM, too_late);
    ::alarm(timeout_s);
    kernel::Machine machine;
    if (auto iterator = kernel::TaskIterator::load())
        if (auto tasks = (*iterator)->read()) machine.use(std::move(*tasks));
    const Verdict verdict = check(machine, *options);
    (void)print(verdict.line);
    return static_cast<int>(verdict.status);
}

}  // namespace
}  // namespace brink::check

int main(int argc, char** argv) {
    const std::span<const char* const> words(argv, static_cast<std::size_t>(argc));
    return brink::check::run(words.empty() ? words : words.subspan(1));
}
