// SPDX-License-Identifier: Apache-2.0
#include "kernel/pressure_triggers.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace brink::kernel {
namespace {

Result<Fd> open_trigger(const std::string& file, PressureTriggers::Duration stalled,
                        PressureTriggers::Duration window) {
    Fd trigger(::open(file.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    const std::string text = "some " + std::to_string(stalled.count()) + " " +
                             std::to_string(window.count());
    // With the zero behind it.
    if (trigger && ::write(trigger.get(), text.c_str(), text.size() + 1) >= 0) return trigger;
    if (errno == EPERM || errno == EINVAL)
        return fail("a trigger on " + file + " takes CAP_SYS_RESOURCE, or Linux 6.5", EPERM);
    return fail_errno(file);
}

void signal_event(const Fd& event) {
    const std::uint64_t one = 1;
    (void)!::write(event.get(), &one, sizeof one);
}

}  // namespace

Result<std::unique_ptr<PressureTriggers>> PressureTriggers::create() {
    std::unique_ptr<PressureTriggers> triggers(new PressureTriggers);
    triggers->epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    triggers->stop_event_ = Fd(::eventfd(0, EFD_CLOEXEC));
    triggers->fired_event_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    epoll_event stop{};
    stop.events = EPOLLIN;
    if (!triggers->fired_event_ ||
        ::epoll_ctl(triggers->epoll_.get(), EPOLL_CTL_ADD, triggers->stop_event_.get(), &stop) != 0)
        return fail_errno("waiting for pressure");
    // Signals are for the thread that has asked for them.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    triggers->thread_ = std::thread([waiting = triggers.get()] { waiting->wait(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return triggers;
}

PressureTriggers::~PressureTriggers() {
    if (!thread_.joinable()) return;
    signal_event(stop_event_);
    thread_.join();
}

Result<std::uint32_t> PressureTriggers::add(const std::string& file, Duration stalled,
                                            Duration window) {
    auto trigger = open_trigger(file, stalled, window);
    if (!trigger) return tl::unexpected(trigger.error());
    epoll_event event{};
    event.events = EPOLLPRI;
    event.data.u32 = ++last_key_;
    const int fd = trigger->get();
    {
        const std::lock_guard lock(mutex_);
        triggers_.emplace(last_key_, std::move(*trigger));
    }
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        const auto error = fail_errno("waiting for " + file);
        remove(last_key_);
        return error;
    }
    return last_key_;
}

void PressureTriggers::remove(std::uint32_t key) {
    const std::lock_guard lock(mutex_);
    triggers_.erase(key);  // closed, it leaves the epoll
}

std::vector<PressureTriggers::Fired> PressureTriggers::take_fired() {
    std::uint64_t times = 0;
    (void)!::read(fired_event_.get(), &times, sizeof times);
    std::vector<Fired> fired;
    const std::lock_guard lock(mutex_);
    for (const auto& [key, gone] : std::exchange(fired_, {})) fired.push_back({key, gone});
    return fired;
}

// --- the thread

void PressureTriggers::wait() {
    std::array<epoll_event, 64> events{};
    while (true) {
        const int n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                   -1);
        if (n < 0 && errno != EINTR) return;
        for (int i = 0; i < n; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            if (event.data.u32 == 0) return;
            say(event.data.u32, (event.events & EPOLLERR) != 0);
        }
    }
}

void PressureTriggers::say(std::uint32_t key, bool gone) {
    const std::lock_guard lock(mutex_);
    fired_[key] |= gone;
    if (gone) triggers_.erase(key);  // else it would be ready for ever
    signal_event(fired_event_);
}

}  // namespace brink::kernel
