// SPDX-License-Identifier: Apache-2.0
#include "store/history_writer.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>
#include <utility>

namespace brink::store {
namespace {

constexpr std::size_t kMostNotices = 16;
constexpr std::size_t kTogether =
    256;  // entries of one transaction: a small history has room for them

}  // namespace

Result<std::unique_ptr<HistoryWriter>> HistoryWriter::start(HistoryOptions options,
                                                            std::size_t queue) {
    std::unique_ptr<HistoryWriter> writer(new HistoryWriter(std::move(options), queue));
    writer->notified_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!writer->notified_) return fail_errno("history: eventfd");
    // Signals are for the thread of the loop.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    writer->thread_ = std::thread([raw = writer.get()] { raw->work(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return writer;
}

HistoryWriter::~HistoryWriter() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    more_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void HistoryWriter::append(const Event& event, std::string json) {
    {
        const std::lock_guard lock(mutex_);
        queue_.emplace_back(event, std::move(json));
        if (queue_.size() > most_) {
            queue_.pop_front();
            ++counters_.dropped;
        }
        untried_ = true;
    }
    more_.notify_one();
}

void HistoryWriter::flush() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return !untried_ && !busy_; });
}

HistoryCounters HistoryWriter::counters() const {
    const std::lock_guard lock(mutex_);
    HistoryCounters counters = counters_;
    counters.waiting = queue_.size();
    return counters;
}

std::vector<std::string> HistoryWriter::take_notices() {
    std::uint64_t count = 0;
    const std::lock_guard lock(mutex_);
    (void)!::read(notified_.get(), &count, sizeof count);
    return std::exchange(notices_, {});
}

void HistoryWriter::work() {
    write({});
    std::unique_lock lock(mutex_);
    while (true) {
        busy_ = false;
        idle_.notify_all();
        more_.wait(lock, [this] { return untried_ || ending_; });
        if (!untried_) return;
        busy_ = true;
        untried_ = false;
        Batch batch{{std::make_move_iterator(queue_.begin()),
                     std::make_move_iterator(queue_.end())},
                    counters_.dropped,
                    0};
        queue_.clear();
        lock.unlock();
        write(std::move(batch));
        lock.lock();
    }
}

void HistoryWriter::write(Batch batch) {
    const Result<void> outcome = try_to_write(batch);
    const std::lock_guard lock(mutex_);
    counters_.written += batch.written;
    put_back(std::move(batch.entries));
    say_outcome(outcome);
}

// The thread's. REQUIRES: mutex_ is not held.
Result<void> HistoryWriter::try_to_write(Batch& batch) {
    if (!history_) {
        auto opened = History::open(options_);
        if (!opened) return tl::unexpected(opened.error());
        history_ = std::move(*opened);
    }
    std::uint64_t number = history_->next_number() + batch.dropped - skipped_;
    for (HistoryEntry& entry : batch.entries) entry.number = number++;
    Result<void> appended;
    while (appended && batch.written < batch.entries.size()) {
        const std::span<const HistoryEntry> rest = std::span(batch.entries).subspan(batch.written);
        const auto part = rest.first(std::min(rest.size(), kTogether));
        appended = history_->append(part);
        if (!appended) break;
        batch.written += part.size();
        skipped_ = batch.dropped;
    }
    batch.entries.erase(batch.entries.begin(),
                        batch.entries.begin() + static_cast<std::ptrdiff_t>(batch.written));
    if (std::string remark = history_->take_remark(); !remark.empty()) {
        const std::lock_guard lock(mutex_);
        say(std::move(remark));
    }
    return appended;
}

// Before what has come meanwhile. REQUIRES: mutex_ is held.
void HistoryWriter::put_back(std::vector<HistoryEntry> entries) {
    queue_.insert(queue_.begin(), std::make_move_iterator(entries.begin()),
                  std::make_move_iterator(entries.end()));
    while (queue_.size() > most_) {
        queue_.pop_front();
        ++counters_.dropped;
    }
}

// REQUIRES: mutex_ is held.
void HistoryWriter::say(std::string notice) {
    if (notices_.size() == kMostNotices) notices_.erase(notices_.begin());
    notices_.push_back(std::move(notice));
    const std::uint64_t one = 1;
    (void)!::write(notified_.get(), &one, sizeof one);
}

// REQUIRES: mutex_ is held.
void HistoryWriter::say_outcome(const Result<void>& outcome) {
    if (!outcome && counters_.problem.empty())
        say(fmt::format("the history cannot be written: {}; up to {} events wait for it, and each "
                        "new one tries again",
                        outcome.error().message, most_));
    if (outcome && (!counters_.problem.empty() || counters_.dropped != dropped_said_)) {
        say(fmt::format("the history is written again; events that are missing in it: {}",
                        counters_.dropped - dropped_said_));
        dropped_said_ = counters_.dropped;
    }
    counters_.problem = outcome ? "" : outcome.error().message;
}

}  // namespace brink::store
