// SPDX-License-Identifier: Apache-2.0
// EventQueue: the events that wait for one client, numbered and bounded. What finds no room is counted; when half of the
// queue has been read the client is told how many that were (`lost`), and the subjects that were affected are to be
// looked at anew (`resync`). Replies are not dropped: who has too many of them waiting is not listened to.
//
// One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_set>
#include <vector>

#include "brink/protocol.h"

namespace brink::broker {

class EventQueue {
  public:
    /// At most `most` events wait here, and at most `all_most` bytes in all queues that count in `all_bytes`, which must
    /// outlive this one.
    EventQueue(std::size_t most, std::size_t& all_bytes, std::size_t all_most);
    ~EventQueue();
    EventQueue(const EventQueue&) = delete;
    EventQueue& operator=(const EventQueue&) = delete;

    /// Gives `event` its number and queues it, or counts it as lost.
    void push(brink_event event);
    /// Queues a reply.
    void reply(const brink_event& event);
    /// `count` more are lost that never came here.
    void lose(std::uint64_t count);

    [[nodiscard]] std::size_t size() const { return events_.size(); }
    [[nodiscard]] const brink_event& at(std::size_t i) const { return events_[i]; }
    /// The first `count` have been handed over.
    void pop(std::size_t count);
    [[nodiscard]] std::size_t replies() const { return replies_; }

    /// Subjects of which something was lost, at most `most` of them and as many as there is room for: the caller has
    /// their state pushed. Empty unless the loss has been said.
    [[nodiscard]] std::vector<std::uint64_t> take_affected(std::size_t most);

  private:
    [[nodiscard]] bool has_room() const;
    void append(const brink_event& event);
    void drop(const brink_event& event);
    void say_lost();

    std::deque<brink_event> events_;
    const std::size_t most_;
    std::size_t& all_bytes_;
    const std::size_t all_most_;
    std::size_t replies_ = 0;
    std::uint64_t seq_ = 0;
    std::uint64_t lost_ = 0;  // and not said yet
    bool dropping_ = false;   // until the loss is said nothing comes after it
    std::unordered_set<std::uint64_t> affected_;
    std::vector<brink_event> exits_;  // that came while dropping: nothing else would tell of them
};

}  // namespace brink::broker
