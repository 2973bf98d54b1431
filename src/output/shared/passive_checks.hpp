// SPDX-License-Identifier: Apache-2.0
// PassiveChecks: events as results of passive checks, for Nagios and what has come of it. A service has the state of the
// levels that its subjects stand above; every event that belongs to it sends the state anew.
//
// With a keep-alive every state is sent again so often, and a service that says that the relay runs: a silent one is noticed by
// the freshness threshold of the receiver. Without, nothing is sent while nothing happens.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "output/output.hpp"
#include "output/shared/standing.hpp"

namespace brink::output {

struct CheckResult {
    std::int64_t time_ns = 0;  ///< CLOCK_REALTIME
    std::string host;
    std::string service;
    Status status = Status::ok;
    std::string text;         ///< one line
    std::string performance;  ///< empty: none

    /// Both, as a plugin prints them.
    [[nodiscard]] std::string output() const {
        return performance.empty() ? text : text + "|" + performance;
    }
};

class PassiveChecks : public Output {
  public:
    PassiveChecks(Settings& settings, const Surroundings& surroundings);

    [[nodiscard]] std::size_t most_together() const override { return 16; }
    [[nodiscard]] bool wants_past() const override { return true; }
    void recall(const Entry& entry) override;
    [[nodiscard]] Answer deliver(std::span<const Entry> entries) override;

    [[nodiscard]] std::optional<int> wait_ms() const override;
    void serve() override;

  protected:
    /// Sends all of `results`. Answer::entries is of no account.
    [[nodiscard]] virtual Answer send(const std::vector<CheckResult>& results) = 0;

  private:
    [[nodiscard]] CheckResult result_of(const Entry& entry);
    Standing* standing_of(const std::string& host, const std::string& service);

    std::string name_;
    std::string own_host_;
    std::string host_;     // as configured; may have {host}
    std::string service_;  // "brink {resource} {subject}"
    std::string heartbeat_service_;
    double critical_ratio_;
    std::int64_t keep_alive_ns_;
    std::int64_t next_ns_ = 0;  // CLOCK_MONOTONIC
    std::map<std::pair<std::string, std::string>, Standing> services_;
};

}  // namespace brink::output
