// SPDX-License-Identifier: Apache-2.0
#include "kernel/facility_test.hpp"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>

#include "kernel/cpu_timer.hpp"
#include "kernel/pressure_triggers.hpp"

namespace brink::kernel {
namespace {

constexpr int kPatienceMs = 5000;
constexpr std::uint64_t kLevelNs = 10'000'000;
constexpr std::chrono::microseconds kStalled{10'000};
constexpr std::chrono::microseconds kWindow{2'000'000};

// A process that does nothing but to use `cpu`; killed and reaped with the object.
class Burner {
  public:
    explicit Burner(unsigned cpu) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        const pid_t parent = ::getpid();
        pid_ = ::fork();
        if (pid_ != 0) return;
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(1);
        (void)::sched_setaffinity(0, sizeof one, &one);
        for (;;) asm volatile("");
    }
    Burner(const Burner&) = delete;
    Burner& operator=(const Burner&) = delete;
    ~Burner() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    [[nodiscard]] pid_t pid() const { return pid_; }

  private:
    pid_t pid_ = -1;
};

unsigned this_cpu() { return static_cast<unsigned>(std::max(0, ::sched_getcpu())); }

Result<void> wait_for(int fd, const char* what) {
    pollfd waiting{fd, POLLIN, 0};
    if (::poll(&waiting, 1, kPatienceMs) == 1) return {};
    return fail(std::string(what) + " was provoked and did not fire", ETIME);
}

}  // namespace

Result<void> test_cpu_timer() {
    const auto timers = CpuTimers::create();
    if (!timers) return tl::unexpected(timers.error());
    const Burner burner(this_cpu());
    if (burner.pid() < 0) return fail_errno("cannot start a process for the self-test");
    const auto timer = (*timers)->make(burner.pid(), 1);
    if (!timer) return tl::unexpected(timer.error());
    timer->set(kLevelNs);
    if (auto fired = wait_for((*timers)->fd(), "a timer on a CPU clock"); !fired) return fired;
    const auto time = timer->time_ns();
    if (!time || *time < kLevelNs) return fail("a timer on a CPU clock fired too soon", EINVAL);
    return {};
}

Result<void> test_pressure_trigger() {
    const auto triggers = PressureTriggers::create();
    if (!triggers) return tl::unexpected(triggers.error());
    const auto trigger = (*triggers)->add("/proc/pressure/cpu", kStalled, kWindow);
    if (!trigger) return tl::unexpected(trigger.error());
    const unsigned cpu = this_cpu();
    const Burner one(cpu);
    const Burner other(cpu);
    if (one.pid() < 0 || other.pid() < 0)
        return fail_errno("cannot start processes for the self-test");
    return wait_for((*triggers)->fd(), "a trigger on the pressure of the CPU");
}

}  // namespace brink::kernel
