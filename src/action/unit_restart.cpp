// SPDX-License-Identifier: Apache-2.0
#include "action/unit_restart.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

namespace brink::action {
namespace {

constexpr const char* kService = "org.freedesktop.systemd1";
constexpr const char* kPath = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr const char* kOwnSocket = "unix:path=/run/systemd/private";

int open_at(sd_bus** bus, const std::string& address) {
    int code = ::sd_bus_new(bus);
    if (code >= 0) code = ::sd_bus_set_address(*bus, address.c_str());
    if (code >= 0) code = ::sd_bus_start(*bus);
    if (code < 0) *bus = ::sd_bus_unref(*bus);
    return code;
}

}  // namespace

Result<std::unique_ptr<UnitRestarter>> UnitRestarter::create(std::string address) {
    std::unique_ptr<UnitRestarter> restarter(new UnitRestarter(std::move(address)));
    restarter->epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!restarter->epoll_) return fail_errno("restart action: epoll_create1");
    return restarter;
}

UnitRestarter::~UnitRestarter() {
    for (Job& job : jobs_) ::sd_bus_slot_unref(job.call);
    disconnect();
}

Result<void> UnitRestarter::connect() {
    if (bus_) return {};
    int code = address_.empty() ? ::sd_bus_open_system(&bus_) : -ENOENT;
    const bool direct = code < 0;
    if (direct) code = open_at(&bus_, address_.empty() ? kOwnSocket : address_);
    if (code < 0) {
        bus_ = nullptr;
        return fail(fmt::format("systemd cannot be reached: {}", std::strerror(-code)), -code);
    }
    // Messages that come directly from systemd name no sender.
    ::sd_bus_match_signal_async(
        bus_, nullptr, direct ? nullptr : kService, kPath, kManager, "JobRemoved",
        [](sd_bus_message* message, void* self, sd_bus_error* error) {
            return on_job_removed(message, self, error);
        },
        nullptr, this);
    epoll_event event{};
    event.events = EPOLLIN;
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, ::sd_bus_get_fd(bus_), &event);
    return {};
}

void UnitRestarter::disconnect() {
    if (bus_) ::sd_bus_close_unref(bus_);
    bus_ = nullptr;
}

void UnitRestarter::restart(const std::string& unit, std::chrono::milliseconds time_limit,
                            OutcomeHandler handler) {
    if (auto connected = connect(); !connected) return handler(failed(connected.error().message));
    Job& job = jobs_.emplace_back(Job{this,
                                      unit,
                                      std::move(handler),
                                      Clock::now() + time_limit,
                                      time_limit,
                                      nullptr,
                                      {},
                                      false,
                                      {}});
    const int code = ::sd_bus_call_method_async(
        bus_, &job.call, kService, kPath, kManager, "RestartUnit",
        [](sd_bus_message* message, void* from, sd_bus_error* error) {
            return on_answer(message, from, error);
        },
        &job, "ss", unit.c_str(), "replace");
    if (code < 0) {
        job.ended = true;
        job.outcome = failed(fmt::format("systemd cannot be asked: {}", std::strerror(-code)));
    }
    process();
}

int UnitRestarter::on_answer(sd_bus_message* message, void* from, void* /*error*/) {
    Job& job = *static_cast<Job*>(from);
    const char* path = nullptr;
    if (const sd_bus_error* error = ::sd_bus_message_get_error(message)) {
        job.ended = true;
        job.outcome = failed(
            fmt::format("systemd says: {}", error->message ? error->message : error->name));
    } else if (::sd_bus_message_read(message, "o", &path) >= 0) {
        job.path = path;
    }
    return 0;
}

int UnitRestarter::on_job_removed(sd_bus_message* message, void* restarter, void* /*error*/) {
    const char* path = nullptr;
    const char* result = nullptr;
    if (::sd_bus_message_read(message, "uoss", nullptr, &path, nullptr, &result) < 0) return 0;
    for (Job& job : static_cast<UnitRestarter*>(restarter)->jobs_) {
        if (job.path != path || job.ended) continue;
        job.ended = true;
        job.outcome = std::strcmp(result, "done") == 0
                          ? ActionOutcome{"done", job.unit + " was restarted", {}}
                          : failed(fmt::format("systemd's job for {} ended: {}", job.unit, result));
    }
    return 0;
}

void UnitRestarter::on_readable() { process(); }

// What the handlers of D-Bus find out is told to ours afterwards: they may call restart().
void UnitRestarter::process() {
    int code = 0;
    while (bus_ && (code = ::sd_bus_process(bus_, nullptr)) > 0) {
    }
    const auto now = Clock::now();
    for (Job& job : jobs_) {
        if (job.ended) continue;
        job.ended = code < 0 || now >= job.deadline;
        if (job.ended)
            job.outcome = failed(
                code < 0 ? fmt::format("the connection to systemd broke: {}", std::strerror(-code))
                         : fmt::format("{} was not restarted within {} s", job.unit,
                                       job.time_limit.count() / 1000));
    }
    if (bus_ && code >= 0) watch_socket();
    finish_jobs();
}

void UnitRestarter::finish_jobs() {
    std::list<Job> ended;
    for (auto job = jobs_.begin(); job != jobs_.end();) {
        const auto next = std::next(job);
        if (job->ended) ended.splice(ended.end(), jobs_, job);
        job = next;
    }
    for (Job& job : ended)
        ::sd_bus_slot_unref(job.call);  // an answer that is late has nobody to go to
    if (jobs_.empty()) disconnect();
    for (Job& job : ended) job.handler(std::move(job.outcome));
}

void UnitRestarter::watch_socket() {
    const int wanted = ::sd_bus_get_events(bus_);
    epoll_event event{};
    event.events = (wanted & POLLIN ? EPOLLIN : 0U) | (wanted & POLLOUT ? EPOLLOUT : 0U);
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, ::sd_bus_get_fd(bus_), &event);
}

int UnitRestarter::timeout_ms() const {
    auto next = Clock::time_point::max();
    for (const Job& job : jobs_) next = std::min(next, job.deadline);
    if (next == Clock::time_point::max()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
    return static_cast<int>(std::clamp<decltype(left)>(left, 0, 3'600'000));
}

}  // namespace brink::action
