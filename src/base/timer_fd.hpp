// SPDX-License-Identifier: Apache-2.0
// TimerFd: a timer that an epoll loop can wait for, timerfd_create(2), on CLOCK_MONOTONIC.
#pragma once

#include <sys/timerfd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"

namespace brink {

class TimerFd {
  public:
    using Duration = std::chrono::nanoseconds;
    static constexpr Duration kNever = Duration::max();

    [[nodiscard]] static Result<TimerFd> create() {
        TimerFd timer;
        timer.fd_ = Fd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
        if (!timer.fd_) return fail_errno("timerfd_create");
        return timer;
    }
    [[nodiscard]] static Duration now() { return Duration(clock_ns(CLOCK_MONOTONIC)); }

    /// Readable from `at` on, until it is cleared or set anew.
    void set(Duration at) const {
        itimerspec when{};
        if (at != kNever) {
            at = std::max(at, Duration(1));  // 0 would disarm
            when.it_value.tv_sec = static_cast<time_t>(at / std::chrono::seconds(1));
            when.it_value.tv_nsec = static_cast<long>((at % std::chrono::seconds(1)).count());
        }
        (void)::timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
    }
    void clear() const {
        std::uint64_t expirations = 0;
        (void)!::read(fd_.get(), &expirations, sizeof expirations);
    }
    [[nodiscard]] int fd() const { return fd_.get(); }

  private:
    Fd fd_;
};

}  // namespace brink
