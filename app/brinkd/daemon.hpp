// SPDX-License-Identifier: Apache-2.0
// Daemon: rules, clients and history over one source of records, in one poll(2) loop. Nothing wakes it while no level is
// crossed, no client asks, no action is under way.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "broker/server.hpp"
#include "broker/socket.hpp"
#include "configuration.hpp"
#include "daemon_options.hpp"
#include "engine/source_hub.hpp"
#include "journal.hpp"
#include "rule_set.hpp"
#include "service_manager.hpp"
#include "status_socket.hpp"
#include "store/history_writer.hpp"

namespace brink::app {

class Daemon {
  public:
    /// `line`: the command line, parsed over `configuration`. The error is why it cannot serve.
    [[nodiscard]] static Result<std::unique_ptr<Daemon>> start(const DaemonOptions& line,
                                                               Configuration configuration,
                                                               action::OriginalState original);

    /// Serves until a signal asks for the end. `signals`: a signalfd of INT, TERM and HUP.
    void run(int signals);

  private:
    Daemon(DaemonOptions line, Configuration configuration);
    [[nodiscard]] Result<void> open(action::OriginalState original);
    void start_history();
    void turn(int signals);
    void take_signals(int signals);
    void reload();
    void record(const Event& event);
    void say_losses();
    [[nodiscard]] std::string state() const;
    [[nodiscard]] std::string summary() const;

    DaemonOptions line_;
    Configuration configuration_;
    Journal journal_;
    ServiceManager manager_;
    std::string remark_;  // why the engine is not a better one
    std::unique_ptr<store::HistoryWriter> history_;
    std::unique_ptr<engine::SourceHub> hub_;
    std::optional<broker::Listener> listener_;  // the path goes with it
    std::unique_ptr<broker::Server> server_;
    std::unique_ptr<RuleSet> rules_;
    std::unique_ptr<StatusSocket> status_;
    std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
    std::uint64_t own_seq_ = 0;    // of events that are no rule's
    std::uint64_t lost_ = 0;       // of which it has been said
    std::uint64_t unwatched_ = 0;  // likewise
    bool ending_ = false;
};

}  // namespace brink::app
