// SPDX-License-Identifier: Apache-2.0
#include "broker/event_queue.hpp"

#include <algorithm>
#include <utility>

#include "base/clock.hpp"

namespace brink::broker {
namespace {

constexpr std::size_t kMaxExits = 1024;
constexpr std::size_t kOwnRoom = 16;  // events, whatever other clients of the user have taken

}  // namespace

EventQueue::EventQueue(std::size_t most, std::size_t& all_bytes, std::size_t all_most)
    : most_(std::max(most, kOwnRoom)), all_bytes_(all_bytes), all_most_(all_most) {}

EventQueue::~EventQueue() { all_bytes_ -= events_.size() * sizeof(brink_event); }

bool EventQueue::has_room() const {
    const std::size_t waiting = events_.size() - replies_;
    return waiting < kOwnRoom || (waiting < most_ && all_bytes_ + sizeof(brink_event) <= all_most_);
}

void EventQueue::append(const brink_event& event) {
    events_.push_back(event);
    all_bytes_ += sizeof event;
}

void EventQueue::push(brink_event event) {
    if (dropping_ || !has_room()) {
        drop(event);
        return;
    }
    event.seq = ++seq_;
    append(event);
}

void EventQueue::drop(const brink_event& event) {
    dropping_ = true;
    if (event.type == BRINK_EVENT_EXIT) {
        affected_.erase(event.subject);
        if (exits_.size() < kMaxExits) {
            exits_.push_back(event);
            return;
        }
    } else {
        affected_.insert(event.subject);
        if (event.type == BRINK_EVENT_RESYNC) return;  // it will be asked for again
    }
    ++lost_;
}

void EventQueue::reply(const brink_event& event) {
    append(event);
    ++replies_;
}

void EventQueue::lose(std::uint64_t count) {
    lost_ += count;
    if (std::exchange(dropping_, true)) return;
    if (has_room()) say_lost();
}

void EventQueue::pop(std::size_t count) {
    for (; count > 0; --count) {
        if (events_.front().type == BRINK_EVENT_REPLY) --replies_;
        events_.pop_front();
        all_bytes_ -= sizeof(brink_event);
    }
    if (dropping_ && events_.size() - replies_ <= most_ / 2) say_lost();
}

void EventQueue::say_lost() {
    dropping_ = false;
    if (lost_ > 0) {
        brink_event event{};
        event.type = BRINK_EVENT_LOST;
        event.count = lost_;
        event.monotonic_ns = monotonic_now_ns();
        seq_ += std::exchange(lost_, 0);
        event.seq = ++seq_;
        append(event);
    }
    for (const brink_event& exit : std::exchange(exits_, {})) push(exit);
}

std::vector<std::uint64_t> EventQueue::take_affected(std::size_t most) {
    std::vector<std::uint64_t> subjects;
    if (dropping_) return subjects;
    const std::size_t waiting = events_.size() - replies_;
    most = std::min(most, most_ > waiting ? (most_ - waiting + 1) / 2 : 0);
    while (subjects.size() < most && !affected_.empty())
        subjects.push_back(affected_.extract(affected_.begin()).value());
    return subjects;
}

}  // namespace brink::broker
