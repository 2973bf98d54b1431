// SPDX-License-Identifier: Apache-2.0
// brink latency: measures how late threads run, and which part of the kernel makes them late.
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "base/own_limits.hpp"
#include "base/units.hpp"
#include "commands.hpp"
#include "kernel/wakeup_hooks.hpp"
#include "latency/measurement.hpp"
#include "output.hpp"
#include "screen.hpp"
#include "sink/latency_json.hpp"
#include "sink/latency_svg.hpp"
#include "sink/latency_text.hpp"
#include "stop_signals.hpp"
#include "terminal.hpp"

namespace brink::app {
namespace {

constexpr int kFailure = 1;
constexpr int kLookEveryMs = 500;

std::vector<std::uint32_t> allowed_cpus() {
    std::vector<std::uint32_t> cpus;
    cpu_set_t set;
    CPU_ZERO(&set);
    ::sched_getaffinity(0, sizeof set, &set);
    for (std::uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    if (cpus.empty()) cpus.push_back(0);  // more processors than a cpu_set_t has room for
    return cpus;
}

latency::MeasurementPlan plan_of(const LatencyOptions& options) {
    latency::MeasurementPlan plan;
    const std::vector<std::uint32_t> cpus = options.cpus.empty() ? allowed_cpus() : options.cpus;
    const std::size_t threads = options.threads.value_or(cpus.size());
    for (std::size_t i = 0; i < threads; ++i)
        plan.threads.push_back({.cpu = cpus[i % cpus.size()],
                                .policy = options.policy,
                                .priority = options.priority,
                                .interval_ns = options.interval_ns + i * options.distance_ns});
    plan.duration_ns = options.duration_ns;
    plan.loops = options.loops;
    plan.worst = options.worst;
    plan.lock_memory = options.lock_memory;
    plan.keep_awake = !options.default_system;
    plan.every_sample = !options.samples.empty();
    return plan;
}

// The hooks, or null, and that is said: then only the whole latency is known.
std::unique_ptr<kernel::WakeupHooks> start_hooks(const LatencyOptions& options,
                                                 std::size_t threads) {
    kernel::WakeupOptions wanted;
    wanted.mode = BRINK_WAKEUPS_MEASURE;
    wanted.max_threads = static_cast<std::uint32_t>(threads);
    wanted.btf = options.btf;
    auto hooks = kernel::WakeupHooks::start(wanted);
    if (!hooks) {
        notice("latency: the parts are not known, only their sum: " + hooks.error().message);
        return nullptr;
    }
    if (!(*hooks)->unseen().empty())
        notice("latency: this kernel does not show these interrupts: " + (*hooks)->unseen());
    return std::move(*hooks);
}

// "4 threads, fifo 80, every 1ms, on Linux 6.12.9 …".
std::string description(const LatencyOptions& options, std::size_t threads) {
    utsname system{};
    ::uname(&system);
    return fmt::format("{} thread{}, {}, every {}, on Linux {} {}", threads,
                       threads == 1 ? "" : "s", sink::policy_text(options.policy, options.priority),
                       format_quantity(options.interval_ns, Unit::time_ns), system.release,
                       std::string_view(system.version).find("PREEMPT_RT") == std::string_view::npos
                           ? system.machine
                           : std::string(system.machine) + " PREEMPT_RT");
}

std::string text_of(const latency::Report& report, const LatencyOptions& options) {
    const sink::TextStyle style = text_style(STDOUT_FILENO);
    std::string text = sink::latency_tables(report, style);
    if (options.histogram_ns)
        text += "\n" + sink::latency_plot(report.total().whole, options.histogram_ns, style);
    return text;
}

// Until the measurement has finished or a signal asks for the end. False: nobody reads any more.
bool wait(const latency::Measurement& measurement, int signals, const LatencyOptions& options) {
    const bool live = options.output == OutputFormat::text && !options.quiet &&
                      ::isatty(STDOUT_FILENO);
    while (!measurement.finished()) {
        if (live && print(as_screen(text_of(measurement.look(), options)))) return false;
        pollfd stop{signals, POLLIN, 0};
        if (::poll(&stop, 1, kLookEveryMs) > 0) break;
    }
    return !live || !print(as_screen(""));
}

// A file that is made before the measurement, which may take days, and written after it.
class ResultFile {
  public:
    explicit ResultFile(std::string path) : path_(std::move(path)) {
        errno = 0;
        if (!path_.empty()) file_.open(path_, std::ios::trunc);
        said_ = !file_ && complain();
    }

    [[nodiscard]] bool good() const { return !said_; }
    /// False, and said: it could not be written.
    [[nodiscard]] bool write(const std::function<std::string()>& text) {
        if (path_.empty()) return true;
        errno = 0;
        return file_ << text() << std::flush || !complain();
    }

  private:
    bool complain() const {
        notice(fmt::format("latency: {}: {}", path_, std::strerror(errno ? errno : EIO)));
        return true;
    }

    std::string path_;
    std::ofstream file_;
    bool said_ = false;
};

struct ResultFiles {
    explicit ResultFiles(const LatencyOptions& options)
        : plot(options.plot), samples(options.samples) {}
    [[nodiscard]] bool good() const { return plot.good() && samples.good(); }

    ResultFile plot;
    ResultFile samples;
};

int finish(const latency::Report& report, const LatencyOptions& options, const std::string& title,
           ResultFiles& files) {
    bool written = files.plot.write(
        [&] { return sink::latency_svg(report, "brink latency: " + title); });
    written = files.samples.write([&] { return sink::latency_samples_json(report); }) && written;
    const std::string text = options.output == OutputFormat::json
                                 ? sink::latency_json(report, clock_ns(CLOCK_REALTIME),
                                                      options.histogram_ns != 0)
                                 : text_of(report, options);
    const int status = print(text).value_or(0);
    return written ? status : kFailure;
}

}  // namespace

int latency_command(const LatencyOptions& options) {
    const Fd signals(stop_signals());
    raise_own_limits();
    ResultFiles files(options);
    if (!files.good()) return kFailure;
    const latency::MeasurementPlan plan = plan_of(options);
    const auto hooks = start_hooks(options, plan.threads.size());
    const std::string title = description(options, plan.threads.size());
    auto measurement = latency::Measurement::start(plan, hooks.get());
    if (!measurement) {
        notice("latency: " + measurement.error().message);
        return kFailure;
    }
    notice("latency of " + title);
    if (!wait(**measurement, signals.get(), options)) return kFailure;
    return finish((*measurement)->stop(), options, title, files);
}

}  // namespace brink::app
