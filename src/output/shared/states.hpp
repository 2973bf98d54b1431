// SPDX-License-Identifier: Apache-2.0
// States: how each output fares, written by its thread and read by whoever reports on them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace brink::output {

struct State {
    std::string type;
    std::uint64_t delivered = 0;  ///< entries, since the relay was started; so all counts
    std::uint64_t refused = 0;  ///< entries that the receiver will not take, and that were left out
    std::uint64_t missed = 0;   ///< entries that the history had no longer, or never had
    std::uint64_t failures = 0;  ///< attempts to deliver
    std::uint64_t cursor = 0;    ///< the number of the last entry that is done with
    std::uint64_t newest = 0;  ///< the number of the newest entry of the history, when it was asked
    std::string problem;       ///< why nothing can be delivered at present; empty if it can
    std::string last_error;    ///< the latest problem or refusal, also when it is over
    std::int64_t last_error_ns = 0;      ///< CLOCK_REALTIME
    std::int64_t last_delivered_ns = 0;  ///< CLOCK_REALTIME; 0: nothing yet

    [[nodiscard]] std::uint64_t behind() const { return newest > cursor ? newest - cursor : 0; }
};

/// Safe from any thread.
class States {
  public:
    /// `newest`: the number of the newest entry of the history, at the moment.
    explicit States(std::function<std::uint64_t()> newest) : newest_(std::move(newest)) {}

    void update(const std::string& name, const std::function<void(State&)>& change);
    /// A copy.
    [[nodiscard]] std::map<std::string, State> all() const;
    /// One JSON object without line ends: {"outputs":[{"name":…}, …]}.
    [[nodiscard]] std::string json() const;

  private:
    std::function<std::uint64_t()> newest_;
    mutable std::mutex mutex_;
    std::map<std::string, State> states_;
};

}  // namespace brink::output
