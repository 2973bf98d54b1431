// SPDX-License-Identifier: Apache-2.0
// Measurement: threads that sleep until a time and see how late they are, as cyclictest(8) does it. Each reads the moments
// of its own wake-up out of the memory of the programs in the kernel, and takes them for its own only if the timer was due
// at the very nanosecond that it slept until: nothing is matched by order or by guess.
//
// start(), then any of look() and finished(), then stop(), which ends the threads; from one thread.
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "brink/event.hpp"
#include "kernel/wakeup_hooks.hpp"
#include "latency/histogram.hpp"
#include "latency/wakeup.hpp"

namespace brink::latency {

struct ThreadPlan {
    std::optional<std::uint32_t> cpu;  ///< pinned there; else it may run where brink may
    int policy = SCHED_OTHER;
    int priority = 0;
    std::uint64_t interval_ns = 1'000'000;
};

struct MeasurementPlan {
    std::vector<ThreadPlan> threads;
    std::uint64_t duration_ns = 0;  ///< 0: until stop()
    std::uint64_t loops = 0;        ///< of each thread; 0: any number
    std::size_t worst = 5;          ///< samples of each thread that are kept with what ran instead
    bool lock_memory = false;       ///< mlockall(2)
    bool keep_awake = true;         ///< processors enter no deep idle state (/dev/cpu_dma_latency)
    bool every_sample = false;      ///< all are kept, at most kMostSamples of a thread
};
inline constexpr std::size_t kMostSamples = 1U << 20;

/// One that was among the latest.
struct WorstSample {
    std::size_t thread = 0;  ///< index
    Wakeup wakeup;
    Parts parts;
    bool matched = false;  ///< the moments are known; else `wakeup` has the first and the last only
    /// What ran instead: one processor, or where the timer's was another, that one first, until the waking.
    std::vector<Culprit> ran;
};

struct ThreadReport {
    ThreadPlan plan;
    std::int32_t tid = 0;
    Histogram whole;
    std::vector<Histogram> phases{kPhases};  ///< by Phase; of the samples that were matched
    std::uint64_t last_ns = 0;
    std::uint64_t overruns = 0;   ///< intervals that were over before the thread slept
    std::uint64_t unmatched = 0;  ///< samples whose parts are not known
    std::vector<std::pair<Wakeup, bool>> samples;  ///< of every_sample: and whether it was matched
};

struct Report {
    std::vector<ThreadReport> threads;
    std::vector<WorstSample> worst;       ///< of all threads, the latest first
    bool has_parts = true;                ///< the hooks were at work
    std::int64_t realtime_offset_ns = 0;  ///< CLOCK_REALTIME less CLOCK_MONOTONIC, when it was made

    [[nodiscard]] std::int64_t realtime_of(std::uint64_t monotonic_ns) const {
        return realtime_offset_ns + static_cast<std::int64_t>(monotonic_ns);
    }
    /// All threads together.
    [[nodiscard]] ThreadReport total() const;
};

class Measurement {
  public:
    /// `hooks` (BRINK_WAKEUPS_MEASURE) may be null: then only the whole is measured. They must outlive it. Errors: those of
    /// sched_setscheduler(2), sched_setaffinity(2), mlockall(2), in words.
    [[nodiscard]] static Result<std::unique_ptr<Measurement>> start(const MeasurementPlan& plan,
                                                                    kernel::WakeupHooks* hooks);
    ~Measurement();
    Measurement(const Measurement&) = delete;
    Measurement& operator=(const Measurement&) = delete;

    /// Whether every thread has done its loops, or the duration is over.
    [[nodiscard]] bool finished() const;

    /// As it is now; without the worst.
    [[nodiscard]] Report look() const;

    /// Ends the threads (each at its next wake-up) and says all. Call once.
    [[nodiscard]] Report stop();

  private:
    class Sleeper;
    Measurement() = default;

    MeasurementPlan plan_;
    kernel::WakeupHooks* hooks_ = nullptr;
    Fd awake_;  // idle states are forbidden while it is open
    std::vector<std::unique_ptr<Sleeper>> sleepers_;
};

}  // namespace brink::latency
