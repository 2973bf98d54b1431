// SPDX-License-Identifier: Apache-2.0
// Courier: one output with a thread of its own. It follows the history with a reader of its own, hands over what comes, in
// order, keeps the cursor, and tries again with growing pauses where the receiver does not answer. Another output never
// waits for it: the queue of each is the history itself.
//
// While nothing happens the thread sleeps, without a time-out unless the output wants one.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "output/output.hpp"
#include "output/shared/states.hpp"
#include "relay/back_off.hpp"
#include "relay/backlog.hpp"
#include "relay/configuration.hpp"
#include "relay/cursor.hpp"

namespace brink::relay {

/// What couriers have in common.
struct CourierOptions {
    std::string history;
    std::string host;
    int stop_fd = -1;  ///< readable when the couriers are to end
    output::States* states = nullptr;
    std::function<void(const std::string&)> say;  ///< a sentence for the log; from any thread
};

class Courier {
  public:
    /// REQUIRES: the signals that end the relay are blocked in the calling thread. Errors: no descriptor is left.
    [[nodiscard]] static Result<std::unique_ptr<Courier>> start(Route route, Cursor cursor,
                                                                CourierOptions options);
    /// REQUIRES: stop_fd is readable.
    ~Courier();
    Courier(const Courier&) = delete;
    Courier& operator=(const Courier&) = delete;

    /// Sends a test event as soon as the thread is free. nullopt: it was not, within so long. Any thread.
    [[nodiscard]] std::optional<output::Answer> test(int timeout_ms);

  private:
    Courier(Route route, Cursor cursor, CourierOptions options);
    void work();
    [[nodiscard]] bool begin();
    [[nodiscard]] Result<store::HistoryReader> open_history();
    [[nodiscard]] Result<void> recall(store::HistoryReader& reader);
    [[nodiscard]] bool deliver_all();
    void handle(const output::Answer& answer, std::size_t handed_over);
    void refuse(const output::Answer& answer, bool to_be_said);
    void save_cursor();
    void note_progress();
    void note_problem(const std::string& problem);
    void note_well(std::size_t delivered);
    void end();
    [[nodiscard]] bool wait(bool for_news, std::optional<int> pause_ms);
    [[nodiscard]] bool pause();
    void send_test();
    void change(const std::function<void(output::State&)>& change);

    Route route_;
    Cursor cursor_;
    CourierOptions options_;
    Backlog backlog_;
    BackOff back_off_;
    std::optional<store::HistoryReader> reader_;
    std::size_t one_by_one_ = 0;        // so many entries, after some of them were refused together
    std::uint64_t refused_unsaid_ = 0;  // since the receiver took something last

    Fd asked_;  // eventfd: a test is asked for
    std::mutex one_test_;
    std::mutex mutex_;
    std::condition_variable answered_;
    std::optional<output::Answer> answer_;  // under mutex_
    bool ended_ = false;                    // under mutex_
    std::jthread thread_;
};

}  // namespace brink::relay
