// SPDX-License-Identifier: Apache-2.0
#include "kernel/cpu_timer.hpp"

#include <sys/signalfd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace brink::kernel {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

// One that neither glibc nor the libraries in use take.
int timer_signal() { return SIGRTMAX - 3; }

// CPUCLOCK_PROF of process `pid`, as include/linux/posix-timers.h makes it: the number, inverted, and the kind of clock in
// the three lowest bits.
clockid_t limit_clock(pid_t pid) {
    constexpr unsigned kProf = 0;
    return static_cast<clockid_t>(~static_cast<unsigned>(pid) << 3 | kProf);
}

sigset_t timer_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, timer_signal());
    return set;
}

}  // namespace

CpuTimer::CpuTimer(CpuTimer&& other) noexcept
    : clock_(other.clock_), timer_(other.timer_), owned_(std::exchange(other.owned_, false)) {}

CpuTimer& CpuTimer::operator=(CpuTimer&& other) noexcept {
    std::swap(clock_, other.clock_);
    std::swap(timer_, other.timer_);
    std::swap(owned_, other.owned_);
    return *this;
}

CpuTimer::~CpuTimer() {
    if (owned_) ::timer_delete(timer_);
}

Result<std::uint64_t> CpuTimer::time_ns() const {
    timespec now{};
    // The kernel says EINVAL, where clock_getcpuclockid(3) would say ESRCH.
    if (::clock_gettime(clock_, &now) != 0) return fail("the process has ended", ESRCH);
    return static_cast<std::uint64_t>(now.tv_sec) * kSecondNs +
           static_cast<std::uint64_t>(now.tv_nsec);
}

void CpuTimer::set(std::uint64_t at_ns) const {
    itimerspec when{};
    when.it_value.tv_sec = static_cast<time_t>(at_ns / kSecondNs);
    when.it_value.tv_nsec = static_cast<long>(at_ns % kSecondNs);
    (void)::timer_settime(timer_, TIMER_ABSTIME, &when, nullptr);
}

Result<std::unique_ptr<CpuTimers>> CpuTimers::create() {
    std::unique_ptr<CpuTimers> timers(new CpuTimers);
    const sigset_t signals = timer_signals();
    timers->signals_ = Fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!timers->signals_) return fail_errno("signalfd");
    ::pthread_sigmask(SIG_BLOCK, &signals, &timers->blocked_before_);
    return timers;
}

CpuTimers::~CpuTimers() {
    (void)take_fired();  // unblocked, one that is left would end us
    if (!signals_ || sigismember(&blocked_before_, timer_signal()) == 1) return;
    const sigset_t signals = timer_signals();
    ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

Result<CpuTimer> CpuTimers::make(pid_t pid, std::uint64_t key) const {
    const clockid_t clock = limit_clock(pid);
    timespec now{};
    if (::clock_gettime(clock, &now) != 0)
        return fail("there is no process " + std::to_string(pid), ESRCH);
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = timer_signal();
    // NOLINTNEXTLINE(performance-no-int-to-ptr): a number
    event.sigev_value.sival_ptr = reinterpret_cast<void*>(key);
    timer_t timer{};
    if (::timer_create(clock, &event, &timer) != 0)
        return fail_errno("timer_create on the CPU clock of process " + std::to_string(pid));
    return CpuTimer(clock, timer);
}

std::vector<std::uint64_t> CpuTimers::take_fired() const {
    std::vector<std::uint64_t> keys;
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) keys.push_back(info.ssi_ptr);
    return keys;
}

}  // namespace brink::kernel
