// SPDX-License-Identifier: Apache-2.0
#include "latency/measurement.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <future>
#include <thread>
#include <utility>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "latency/worst_samples.hpp"

namespace brink::latency {
namespace {

constexpr int kWakeSignal = SIGURG;  // what ends a sleep; by itself it does nothing

// A signal that is ignored ends no sleep: it needs a handler.
void let_sleeps_end() {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    ::sigaction(kWakeSignal, &action, nullptr);
}

constexpr std::size_t kLockedStackBytes = std::size_t{256} * 1024;

timespec timespec_of(std::uint64_t ns) {
    return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
}

// Threads begin with 8 MiB of stack, all of which would be locked.
Result<void> lock_memory() {
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    ::pthread_attr_setstacksize(&attributes, kLockedStackBytes);
    ::pthread_setattr_default_np(&attributes);
    ::pthread_attr_destroy(&attributes);
    if (::mlockall(MCL_CURRENT | MCL_FUTURE) == 0) return {};
    return fail_errno("cannot lock memory (mlockall): it needs CAP_IPC_LOCK, or a limit of memlock "
                      "that is high enough");
}

// Without the right to, idle states are as they are. The answer is to be kept open; -1: it could not be opened.
Fd forbid_idle_states() {
    Fd latency(::open("/dev/cpu_dma_latency", O_WRONLY | O_CLOEXEC));
    const std::int32_t none = 0;
    if (latency) (void)!::write(latency.get(), &none, sizeof none);
    return latency;
}

// The calling thread, from here on.
Result<void> apply(const ThreadPlan& plan) {
    if (plan.cpu) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(*plan.cpu, &set);
        if (::sched_setaffinity(0, sizeof set, &set))
            return fail_errno(fmt::format("cannot run on processor {}", *plan.cpu));
    }
    sched_param param{};
    param.sched_priority = plan.priority;
    if (::sched_setscheduler(0, plan.policy, &param) == 0) return {};
    if (errno == EPERM)
        return fail("real-time priorities need CAP_SYS_NICE, or a limit of rtprio (ulimit -r) that "
                    "allows them",
                    EPERM);
    return fail_errno(
        fmt::format("cannot set the scheduling policy with priority {}", plan.priority));
}

}  // namespace

// One thread, what it plans and what it finds.
class Measurement::Sleeper {
  public:
    Sleeper(const MeasurementPlan& plan, std::size_t index, kernel::WakeupHooks* hooks)
        : plan_(plan), index_(index), hooks_(hooks), worst_(plan.worst) {
        report_.plan = plan.threads[index];
        if (plan.every_sample) report_.samples.reserve(kMostSamples);
    }

    // Returns when the thread is ready to sleep for the first time, which it does at go().
    [[nodiscard]] Result<void> start() {
        std::promise<Result<void>> ready;
        auto answer = ready.get_future();
        thread_ = std::thread([this, &ready] {
            auto prepared = prepare();
            const bool good = prepared.has_value();
            ready.set_value(std::move(prepared));
            if (good) sleep_on();
            finished_.store(true, std::memory_order_release);
        });
        return answer.get();
    }

    void go(std::uint64_t first_ns, std::uint64_t end_ns) {
        next_ = first_ns;
        end_ns_ = end_ns;
        go_.set_value(true);
    }

    void stop() {
        stop_.store(true, std::memory_order_relaxed);
        if (!thread_.joinable()) return;
        if (next_ == 0) go_.set_value(false);
        // It may have just looked at stop_, and be about to sleep: once is not enough.
        while (!finished()) {
            ::pthread_kill(thread_.native_handle(), kWakeSignal);
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        thread_.join();
    }

    [[nodiscard]] bool finished() const { return finished_.load(std::memory_order_acquire); }

    [[nodiscard]] ThreadReport look() const {
        ThreadReport report;
        report.plan = report_.plan;
        report.tid = report_.tid;
        report.whole = report_.whole.snapshot();
        for (std::size_t i = 0; i < kPhases; ++i) report.phases[i] = report_.phases[i].snapshot();
        report.last_ns = __atomic_load_n(&report_.last_ns, __ATOMIC_RELAXED);
        report.overruns = __atomic_load_n(&report_.overruns, __ATOMIC_RELAXED);
        report.unmatched = __atomic_load_n(&report_.unmatched, __ATOMIC_RELAXED);
        return report;
    }

    // After stop().
    [[nodiscard]] ThreadReport take_report() { return std::move(report_); }
    void add_worst(std::vector<WorstSample>& to) const {
        for (const WorstSamples::Kept& kept : worst_.all()) to.push_back(sample_of(kept));
    }

  private:
    [[nodiscard]] Result<void> prepare() {
        report_.tid = static_cast<std::int32_t>(::syscall(SYS_gettid));
        ::pthread_setname_np(::pthread_self(), fmt::format("latency-{}", index_).c_str());
        if (hooks_) {
            const auto slot = hooks_->enrol(-1, 0, 0);
            if (!slot) return tl::unexpected(slot.error());
            slot_ = *slot;
        }
        return apply(report_.plan);
    }

    void sleep_on() {
        if (go_.get_future().get())
            for (std::uint64_t n = 0; !plan_.loops || n < plan_.loops; ++n)
                if (!sleep_once()) break;
    }

    // False: it is time to end.
    bool sleep_once() {
        if (end_ns_ && next_ > end_ns_) return false;
        const timespec until = timespec_of(next_);
        int error = EINTR;
        while (error == EINTR && !stop_.load(std::memory_order_relaxed))
            error = ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
        const std::uint64_t now = monotonic_now_ns();
        if (error != 0) return false;
        take(now);
        next_ += report_.plan.interval_ns;
        if (const std::uint64_t late = monotonic_now_ns(); next_ <= late) {
            const std::uint64_t missed = (late - next_) / report_.plan.interval_ns + 1;
            next_ += missed * report_.plan.interval_ns;
            __atomic_store_n(&report_.overruns, report_.overruns + missed, __ATOMIC_RELAXED);
        }
        return !stop_.load(std::memory_order_relaxed);
    }

    void take(std::uint64_t now) {
        Wakeup wakeup{.expiry = next_, .returned = now};
        const brink_sleeper* seen = hooks_ ? &hooks_->sleeper(slot_) : nullptr;
        const bool matched = seen && seen->expiry == next_ && seen->waking != 0;
        if (matched) {
            wakeup.handler = seen->handler;
            wakeup.waking = seen->waking;
            wakeup.running = seen->running ? seen->running : seen->waking;
        }
        const Parts parts = parts_of(wakeup);
        report_.whole.add(parts.whole);
        __atomic_store_n(&report_.last_ns, parts.whole, __ATOMIC_RELAXED);
        if (matched)
            for (std::size_t i = 0; i < kPhases; ++i) report_.phases[i].add(parts.part[i]);
        else
            __atomic_store_n(&report_.unmatched, report_.unmatched + 1, __ATOMIC_RELAXED);
        if (plan_.every_sample && report_.samples.size() < kMostSamples)
            report_.samples.emplace_back(wakeup, matched);
        if (WorstSamples::Kept* place = worst_.place_for(parts.whole))
            keep(*place, wakeup, matched ? seen : nullptr);
    }

    void keep(WorstSamples::Kept& place, const Wakeup& wakeup, const brink_sleeper* seen) {
        place.wakeup = wakeup;
        place.matched = seen != nullptr;
        if (!seen) return;
        place.cpu = seen->cpu;
        place.timer_cpu = seen->timer_cpu;
        if (const brink_cpu_log* log = hooks_->log(place.cpu)) place.log.take(*log);
        if (place.cpu == place.timer_cpu) return;
        if (const brink_cpu_log* log = hooks_->log(place.timer_cpu)) place.timer_log.take(*log);
    }

    [[nodiscard]] WorstSample sample_of(const WorstSamples::Kept& kept) const {
        WorstSample sample{.thread = index_,
                           .wakeup = kept.wakeup,
                           .parts = parts_of(kept.wakeup),
                           .matched = kept.matched,
                           .ran = {}};
        if (!kept.matched) return sample;
        const auto window = [](const LogCopy& log, std::uint32_t cpu, std::uint64_t from,
                               std::uint64_t to) {
            return culprit_of(log.entries(),
                              {.cpu = cpu, .from = from, .to = to, .whole = log.reaches(from)});
        };
        std::uint64_t from = kept.wakeup.expiry;
        if (kept.cpu != kept.timer_cpu)
            sample.ran.push_back(window(kept.timer_log, kept.timer_cpu,
                                        std::exchange(from, kept.wakeup.waking),
                                        kept.wakeup.waking));
        sample.ran.push_back(window(kept.log, kept.cpu, from, kept.wakeup.returned));
        return sample;
    }

    const MeasurementPlan& plan_;
    std::size_t index_;
    kernel::WakeupHooks* hooks_;
    std::uint32_t slot_ = 0;
    WorstSamples worst_;
    ThreadReport report_;
    std::uint64_t next_ = 0;
    std::uint64_t end_ns_ = 0;
    std::promise<bool> go_;
    std::atomic<bool> stop_ = false;
    std::atomic<bool> finished_ = false;
    std::thread thread_;
};

Result<std::unique_ptr<Measurement>> Measurement::start(const MeasurementPlan& plan,
                                                        kernel::WakeupHooks* hooks) {
    std::unique_ptr<Measurement> measurement(new Measurement);
    measurement->plan_ = plan;
    measurement->hooks_ = hooks;
    let_sleeps_end();
    if (plan.lock_memory)
        if (auto locked = lock_memory(); !locked) return tl::unexpected(locked.error());
    if (plan.keep_awake) measurement->awake_ = forbid_idle_states();
    for (std::size_t i = 0; i < plan.threads.size(); ++i) {
        auto& sleeper = measurement->sleepers_.emplace_back(
            std::make_unique<Sleeper>(measurement->plan_, i, hooks));
        if (auto started = sleeper->start(); !started) return tl::unexpected(started.error());
    }
    const std::uint64_t begin = monotonic_now_ns();
    for (const auto& sleeper : measurement->sleepers_)
        sleeper->go(begin + sleeper->look().plan.interval_ns,
                    plan.duration_ns ? begin + plan.duration_ns : 0);
    return measurement;
}

Measurement::~Measurement() {
    for (const auto& sleeper : sleepers_) sleeper->stop();
}

bool Measurement::finished() const {
    return std::all_of(sleepers_.begin(), sleepers_.end(),
                       [](const auto& sleeper) { return sleeper->finished(); });
}

Report Measurement::look() const {
    Report report;
    report.realtime_offset_ns = brink::realtime_of(0);
    report.has_parts = hooks_ != nullptr;
    for (const auto& sleeper : sleepers_) report.threads.push_back(sleeper->look());
    return report;
}

Report Measurement::stop() {
    for (const auto& sleeper : sleepers_) sleeper->stop();
    Report report;
    report.realtime_offset_ns = brink::realtime_of(0);
    report.has_parts = hooks_ != nullptr;
    for (const auto& sleeper : sleepers_) {
        report.threads.push_back(sleeper->take_report());
        sleeper->add_worst(report.worst);
    }
    std::stable_sort(report.worst.begin(), report.worst.end(),
                     [](const WorstSample& a, const WorstSample& b) {
                         return a.parts.whole > b.parts.whole;
                     });
    if (report.worst.size() > plan_.worst) report.worst.resize(plan_.worst);
    return report;
}

ThreadReport Report::total() const {
    ThreadReport total;
    for (const ThreadReport& thread : threads) {
        total.whole.add(thread.whole);
        for (std::size_t i = 0; i < kPhases; ++i) total.phases[i].add(thread.phases[i]);
        total.overruns += thread.overruns;
        total.unmatched += thread.unmatched;
    }
    return total;
}

}  // namespace brink::latency
