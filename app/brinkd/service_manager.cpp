// SPDX-License-Identifier: Apache-2.0
#include "service_manager.hpp"

#include <fmt/format.h>
#include <sys/timerfd.h>
#include <systemd/sd-daemon.h>

#include <cstdint>

#include "base/clock.hpp"

namespace brink::app {

ServiceManager::ServiceManager() {
    std::uint64_t period_us = 0;
    if (::sd_watchdog_enabled(0, &period_us) <= 0) return;
    timer_ = Fd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    itimerspec half{};
    half.it_interval.tv_sec = static_cast<time_t>(period_us / 2 / 1'000'000);
    half.it_interval.tv_nsec = static_cast<long>(period_us / 2 % 1'000'000 * 1000);
    half.it_value = half.it_interval;
    ::timerfd_settime(timer_.get(), 0, &half, nullptr);
}

void ServiceManager::ready(const std::string& status) const {
    (void)::sd_notify(0, fmt::format("READY=1\nSTATUS={}", status).c_str());
}

void ServiceManager::reloading() const {
    (void)::sd_notify(
        0, fmt::format("RELOADING=1\nMONOTONIC_USEC={}", monotonic_now_ns() / 1000).c_str());
}

void ServiceManager::stopping() const { (void)::sd_notify(0, "STOPPING=1"); }

void ServiceManager::beat() const {
    std::uint64_t expirations = 0;
    if (::read(timer_.get(), &expirations, sizeof expirations) == sizeof expirations)
        (void)::sd_notify(0, "WATCHDOG=1");
}

}  // namespace brink::app
