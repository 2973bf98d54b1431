// SPDX-License-Identifier: Apache-2.0
// CpuTimers: timers on the CPU clocks of other processes (timer_create(2)) that an epoll loop can wait for. The kernel looks
// at them when the timer of the CPU ticks on which the process runs: one that does not run costs nothing, and nothing fires
// sooner than asked for, but up to a tick (1 to 10 ms) later.
//
// A process has several such clocks. RLIMIT_CPU is compared with the one that counts whole ticks of user and system time,
// CPUCLOCK_PROF (check_process_timers()), so that is the one taken here. The clock of clock_getcpuclockid(3), which /proc
// agrees with, is another: on a busy machine a limit of 1 s was met when that one stood at 0.85 s.
//
// They come as a real-time signal, which is blocked and read from a signalfd: unlike a thread for each timer it costs no
// thread, and unlike other signals none of several is lost. Threads that were there before must have it blocked too.
#pragma once

#include <signal.h>
#include <sys/types.h>
#include <time.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace brink::kernel {

/// One timer. Movable; gone with the object.
class CpuTimer {
  public:
    CpuTimer(CpuTimer&& other) noexcept;
    CpuTimer& operator=(CpuTimer&& other) noexcept;
    CpuTimer(const CpuTimer&) = delete;
    CpuTimer& operator=(const CpuTimer&) = delete;
    ~CpuTimer();

    /// CPU time of all threads of the process, those that have ended included. Errors: ESRCH, it has ended.
    [[nodiscard]] Result<std::uint64_t> time_ns() const;

    /// Fires once, when the CPU time is at or above `at_ns`; soon, if it is so already. 0: never.
    void set(std::uint64_t at_ns) const;

  private:
    friend class CpuTimers;
    CpuTimer(clockid_t clock, timer_t timer) : clock_(clock), timer_(timer), owned_(true) {}

    clockid_t clock_;
    timer_t timer_;
    bool owned_;
};

class CpuTimers {
  public:
    /// Blocks the signal in the calling thread, until the object goes.
    [[nodiscard]] static Result<std::unique_ptr<CpuTimers>> create();
    ~CpuTimers();
    CpuTimers(const CpuTimers&) = delete;
    CpuTimers& operator=(const CpuTimers&) = delete;

    /// A timer on the clock of process `pid`, not set yet; `key` comes back when it fires. Errors: ESRCH, there is no such
    /// process; EINVAL, it is a thread and not a process; EAGAIN, RLIMIT_SIGPENDING does not allow for one more.
    [[nodiscard]] Result<CpuTimer> make(pid_t pid, std::uint64_t key) const;

    /// Readable when a timer has fired.
    [[nodiscard]] int fd() const { return signals_.get(); }
    /// The keys of those that have fired. One can be of a timer that is gone by now.
    [[nodiscard]] std::vector<std::uint64_t> take_fired() const;

  private:
    CpuTimers() = default;

    Fd signals_;
    sigset_t blocked_before_{};
};

}  // namespace brink::kernel
