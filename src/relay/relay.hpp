// SPDX-License-Identifier: Apache-2.0
// Relay: all outputs of a configuration at work, and the answers to those who ask about them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "output/shared/states.hpp"
#include "relay/configuration.hpp"
#include "relay/courier.hpp"

namespace brink::relay {

class Relay {
  public:
    /// `stop_fd`: becomes readable before the object goes. `say`: a sentence for the log, from any thread. Errors: the folder
    /// of the state cannot be written, or another relay uses it.
    [[nodiscard]] static Result<std::unique_ptr<Relay>> start(
        Configuration configuration, std::string host, int stop_fd,
        std::function<void(const std::string&)> say, std::unique_ptr<output::States> states);

    /// To a question of the control socket. Any thread.
    [[nodiscard]] std::string answer(const std::string& question);

  private:
    explicit Relay(std::unique_ptr<output::States> states) : states_(std::move(states)) {}

    Fd lock_;  // of the folder of the state
    std::unique_ptr<output::States> states_;
    std::map<std::string, std::unique_ptr<Courier>> couriers_;
};

}  // namespace brink::relay
