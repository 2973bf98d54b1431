// SPDX-License-Identifier: Apache-2.0
// restart:UNIT: has systemd restart a service, over D-Bus, and waits for how its job ends. The connection is there only while
// a job is: the daemon at rest has none. Whether it is allowed is for systemd to decide (root, or polkit).
#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <string>

#include "action/action.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"

struct sd_bus;
struct sd_bus_message;
struct sd_bus_slot;

namespace brink::action {

/// One thread. Destroying it forgets its jobs; systemd goes on with them.
class UnitRestarter {
  public:
    /// `address`: of D-Bus; empty: the system bus, or systemd's own socket where there is none.
    [[nodiscard]] static Result<std::unique_ptr<UnitRestarter>> create(std::string address = {});
    ~UnitRestarter();
    UnitRestarter(const UnitRestarter&) = delete;
    UnitRestarter& operator=(const UnitRestarter&) = delete;

    /// `handler` gets "done", or "failed" with what systemd said, or that it took longer than `time_limit`.
    void restart(const std::string& unit, std::chrono::milliseconds time_limit,
                 OutcomeHandler handler);

    /// Readable (epoll, level-triggered) when on_readable() has something to do.
    [[nodiscard]] int fd() const { return epoll_.get(); }
    void on_readable();
    /// Milliseconds after which on_readable() wants to be called anyway; -1: never.
    [[nodiscard]] int timeout_ms() const;
    [[nodiscard]] bool idle() const { return jobs_.empty(); }

  private:
    using Clock = std::chrono::steady_clock;
    struct Job {
        UnitRestarter* owner;
        std::string unit;
        OutcomeHandler handler;
        Clock::time_point deadline;
        std::chrono::milliseconds time_limit;
        sd_bus_slot* call;  // that has not been answered yet
        std::string path;   // of systemd's job
        bool ended = false;
        ActionOutcome outcome;
    };

    explicit UnitRestarter(std::string address) : address_(std::move(address)) {}
    [[nodiscard]] Result<void> connect();
    void disconnect();
    void process();
    void watch_socket();
    void finish_jobs();
    static int on_answer(sd_bus_message* message, void* from, void* error);
    static int on_job_removed(sd_bus_message* message, void* restarter, void* error);

    std::string address_;
    sd_bus* bus_ = nullptr;
    Fd epoll_;
    std::list<Job> jobs_;
};

}  // namespace brink::action
