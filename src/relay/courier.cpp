// SPDX-License-Identifier: Apache-2.0
#include "relay/courier.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "base/clock.hpp"
#include "relay/test_event.hpp"
#include "sink/json_event.hpp"

namespace brink::relay {

using output::Answer;
using output::State;

Courier::Courier(Route route, Cursor cursor, CourierOptions options)
    : route_(std::move(route)),
      cursor_(std::move(cursor)),
      options_(std::move(options)),
      backlog_(route_, options_.host),
      back_off_(route_.retry_ms, route_.retry_longest_ms, std::random_device()()),
      asked_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Result<std::unique_ptr<Courier>> Courier::start(Route route, Cursor cursor,
                                                CourierOptions options) {
    std::unique_ptr<Courier> courier(
        new Courier(std::move(route), std::move(cursor), std::move(options)));
    if (!courier->asked_) return fail_errno("relay: eventfd");
    courier->change([&](State& state) {
        state.type = courier->route_.definition->type;
        state.cursor = courier->cursor_.number().value_or(0);
    });
    courier->thread_ = std::jthread([raw = courier.get()] { raw->work(); });
    return courier;
}

Courier::~Courier() = default;

void Courier::change(const std::function<void(State&)>& change) {
    options_.states->update(route_.name, change);
}

void Courier::work() {
    bool begun = begin();
    while (!begun && pause()) begun = begin();
    if (begun) {
        back_off_.reset();
        while (deliver_all() && wait(true, route_.output->wait_ms())) {
        }
        save_cursor();
    }
    end();
}

// Nobody waits for a test any longer.
void Courier::end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    answered_.notify_all();
}

bool Courier::begin() {
    Result<void> done = route_.output->start();
    if (done) {
        auto reader = open_history();
        if (reader) reader_.emplace(std::move(*reader));
        done = reader ? recall(*reader_) : tl::unexpected(reader.error());
    }
    if (!done) return note_problem(done.error().message), false;
    backlog_.begin(*reader_, cursor_.number());
    note_well(0);
    return true;
}

Result<store::HistoryReader> Courier::open_history() {
    auto reader = store::HistoryReader::open(options_.history);
    if (!reader) return reader;
    if (auto followed = reader->follow(); !followed) return tl::unexpected(followed.error());
    return reader;
}

Result<void> Courier::recall(store::HistoryReader& reader) {
    if (!route_.output->wants_past()) return {};
    const std::uint64_t last = cursor_.number().value_or(0);
    const auto read = reader.read({}, 0, [&](const store::HistoryRow& row) {
        if (row.number > last) return false;
        auto event = sink::event_from_json(row.json);
        if (event && route_.wants(*event))
            route_.output->recall({row.number, std::move(*event), row.json});
        return true;
    });
    if (!read) return tl::unexpected(read.error());
    return {};
}

// False: the relay ends.
bool Courier::deliver_all() {
    while (true) {
        std::vector<output::Entry> entries = backlog_.next(
            one_by_one_ > 0 ? 1 : route_.output->most_together());
        if (entries.empty()) {
            auto refilled = backlog_.refill(*reader_);
            note_progress();
            if (refilled) entries = backlog_.next(1);
            if (refilled && entries.empty()) return true;
            if (refilled) continue;
            note_problem(refilled.error().message);
            if (!pause()) return false;
            if (auto reader = open_history()) reader_.emplace(std::move(*reader));
            continue;
        }
        const Answer answer = route_.output->deliver(entries);
        handle(answer, entries.size());
        if (answer.kind == Answer::Kind::failed ? !pause() : !wait(false, 0)) return false;
    }
}

void Courier::handle(const Answer& answer, std::size_t handed_over) {
    if (answer.kind == Answer::Kind::failed) return note_problem(answer.text);
    back_off_.reset();
    const std::size_t entries = std::clamp<std::size_t>(answer.entries, 1, handed_over);
    if (answer.kind == Answer::Kind::refused && entries > 1) {
        one_by_one_ = entries;
        return;
    }
    if (one_by_one_ > 0) --one_by_one_;
    const bool our_own = backlog_.next(1).front().event.engine == kRelayEngine;
    backlog_.remove(entries);
    if (answer.kind == Answer::Kind::refused) {
        refuse(answer, !our_own);
    } else {
        note_well(entries);
        if (refused_unsaid_ > 0) backlog_.say_refused(std::exchange(refused_unsaid_, 0));
    }
    save_cursor();
}

// What only said that something is missing is not missed in turn.
void Courier::refuse(const Answer& answer, bool to_be_said) {
    const std::string what = fmt::format("entry {} of the history is refused: {}",
                                         backlog_.cursor(), answer.text);
    note_well(0);
    if (to_be_said && ++refused_unsaid_ == 1)
        options_.say(fmt::format("output {}: {}", route_.name, what));
    change([&](State& state) {
        ++state.refused;
        state.last_error = what;
        state.last_error_ns = clock_ns(CLOCK_REALTIME);
    });
}

// An entry is sent again after the next start if this fails, never left out.
void Courier::save_cursor() {
    if (!reader_) return;
    if (auto saved = cursor_.save(backlog_.cursor()); !saved)
        note_problem(
            fmt::format("the place in the history cannot be kept: {}", saved.error().message));
    note_progress();
}

void Courier::note_progress() {
    const std::uint64_t missed = backlog_.take_missed();
    const std::string remark = backlog_.take_remark();
    change([&](State& state) {
        state.cursor = backlog_.cursor();
        state.missed += missed;
        if (remark.empty()) return;
        state.last_error = remark;
        state.last_error_ns = clock_ns(CLOCK_REALTIME);
    });
}

// What is wrong is said when it begins and when it ends, not with every attempt.
void Courier::note_problem(const std::string& problem) {
    bool begins = false;
    change([&](State& state) {
        begins = state.problem.empty();
        ++state.failures;
        state.problem = state.last_error = problem;
        state.last_error_ns = clock_ns(CLOCK_REALTIME);
    });
    if (begins) options_.say(fmt::format("output {}: {}; it is tried again", route_.name, problem));
}

void Courier::note_well(std::size_t delivered) {
    bool ends = false;
    change([&](State& state) {
        ends = !state.problem.empty();
        state.problem.clear();
        state.delivered += delivered;
        if (delivered > 0) state.last_delivered_ns = clock_ns(CLOCK_REALTIME);
    });
    if (ends) options_.say(fmt::format("output {}: it works again", route_.name));
}

// False: the relay ends.
bool Courier::pause() {
    const std::uint64_t until_ns = monotonic_now_ns() +
                                   static_cast<std::uint64_t>(back_off_.next_ms()) * 1'000'000;
    while (true) {
        const std::uint64_t now_ns = monotonic_now_ns();
        if (now_ns >= until_ns) return true;
        if (!wait(false, static_cast<int>((until_ns - now_ns) / 1'000'000) + 1)) return false;
    }
}

// Until something happens or `pause_ms` has passed. False: the relay ends.
bool Courier::wait(bool for_news, std::optional<int> pause_ms) {
    std::array<pollfd, 4> fds{{{options_.stop_fd, POLLIN, 0},
                               {asked_.get(), POLLIN, 0},
                               {route_.output->fd(), POLLIN, 0},
                               {for_news ? reader_->fd() : -1, POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), pause_ms.value_or(-1)) < 0) return true;
    if (fds[0].revents != 0) return false;
    if (fds[1].revents != 0) send_test();
    if (fds[2].revents != 0 || (for_news && pause_ms)) route_.output->serve();
    if (fds[3].revents != 0)
        if (auto taken = reader_->take_news(); !taken) note_problem(taken.error().message);
    return true;
}

void Courier::send_test() {
    std::uint64_t count = 0;
    (void)!::read(asked_.get(), &count, sizeof count);
    const output::Entry entry = test_entry(options_.host);
    Answer answer = route_.output->deliver(std::span(&entry, 1));
    {
        const std::lock_guard lock(mutex_);
        answer_ = std::move(answer);
    }
    answered_.notify_all();
}

std::optional<Answer> Courier::test(int timeout_ms) {
    const std::lock_guard one_at_a_time(one_test_);
    std::unique_lock lock(mutex_);
    answer_.reset();
    const std::uint64_t one = 1;
    (void)!::write(asked_.get(), &one, sizeof one);
    answered_.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                       [this] { return answer_.has_value() || ended_; });
    return std::exchange(answer_, std::nullopt);
}

}  // namespace brink::relay
