// SPDX-License-Identifier: Apache-2.0
// One look at a subject, and the records that come of it.
#include "engine/poll_subject.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/clock.hpp"

namespace brink::engine {
namespace {

constexpr std::uint64_t kLimitUnitNs = 1'000'000'000;  // RLIMIT_CPU is in seconds

std::uint64_t ns_per_tick() {
    const long ticks = ::sysconf(_SC_CLK_TCK);
    return 1'000'000'000 / static_cast<std::uint64_t>(ticks > 0 ? ticks : 100);
}

}  // namespace

PollSubject::PollSubject(const kernel::Procfs& procfs, Queue& queue, kernel::ProcessIdentity who,
                         bool thread, PollInterval interval)
    : procfs_(&procfs),
      queue_(&queue),
      who_(std::move(who)),
      thread_(thread),
      interval_(interval),
      stat_(who_.first_stat()) {
    if (const auto status = procfs_->status(who_.pid())) uid_ = status->uid_real;
}

void PollSubject::add(const PollWatch& watch, std::uint32_t number, TallySlot slot, Origin origin,
                      Start start) {
    const auto now = static_cast<std::uint64_t>(clock_ns(CLOCK_BOOTTIME)) / ns_per_tick();
    const bool named = origin == Origin::named;
    const auto status = watch.owner ? procfs_->status(who_.pid()) : kernel::ProcessStatus{};
    bound_.push_back({.definition = watch.definition,
                      .tally = PollTally(watch.levels),
                      .interval = interval_,
                      .number = number,
                      .slot = slot,
                      .named = named,
                      .in_force = start == Start::now,
                      .begun = false,
                      .start = start,
                      .since = named ? now : 0,
                      .owner = watch.owner,
                      .capabilities = status ? status->permitted : 0});
}

Result<void> PollSubject::permits(const PollWatch& watch) const {
    if (!watch.owner) return {};
    const auto status = procfs_->status(who_.pid());
    if (!status || who_.ended(*procfs_))
        return fail("process " + std::to_string(who_.pid()) + " has ended", ESRCH);
    if (watch.owner->permits(*status)) return {};
    return fail("process " + std::to_string(who_.pid()) +
                    " may not be watched: its real, effective and saved ids are not all yours",
                EPERM);
}

void PollSubject::use_timer(std::uint32_t number, kernel::CpuTimer timer) {
    const auto found = std::find_if(bound_.begin(), bound_.end(),
                                    [&](const Bound& bound) { return bound.number == number; });
    if (found != bound_.end()) found->timer = std::move(timer);
}

std::vector<PollSubject::Bound>::iterator PollSubject::find(std::uint32_t number) {
    return std::find_if(bound_.begin(), bound_.end(),
                        [number](const Bound& bound) { return bound.number == number; });
}

bool PollSubject::has(std::uint32_t number) const {
    return std::any_of(bound_.begin(), bound_.end(),
                       [number](const Bound& bound) { return bound.number == number; });
}

bool PollSubject::rename(std::uint32_t number) {
    const auto found = find(number);
    if (found == bound_.end()) return false;
    found->named = true;
    return true;
}

void PollSubject::executed() {
    for (Bound& bound : bound_) bound.in_force = true;
}

bool PollSubject::in_force() const {
    return std::any_of(bound_.begin(), bound_.end(),
                       [](const Bound& bound) { return bound.in_force; });
}

PollSubject::Duration PollSubject::due() const {
    Duration due = Duration::max();
    for (const Bound& bound : bound_)
        if (bound.in_force) due = std::min(due, bound.due);
    return due;
}

PollSubject::State PollSubject::look(Duration now) {
    struct Look {
        Bound* bound;
        Result<resource::Reading> reading;
    };
    const kernel::ProcessFiles process(*procfs_, who_.pid());
    std::vector<Look> looks;
    for (Bound& bound : bound_) {
        if (!bound.in_force) continue;
        const auto same = std::find_if(looks.begin(), looks.end(), [&](const Look& other) {
            return other.bound->definition == bound.definition;
        });
        auto reading = same == looks.end() ? bound.definition->read_process(process)
                                           : same->reading;
        // By its own clock: a timer has fired at that time, not at what /proc shows.
        if (reading && bound.timer) reading->usage = bound.timer->time_ns().value_or(0);
        looks.push_back({&bound, std::move(reading)});
    }
    const auto permitted = procfs_->may_watch(who_.pid());
    status_.reset();
    if (std::any_of(bound_.begin(), bound_.end(), [](const Bound& b) { return b.owner; }))
        if (auto status = procfs_->status(who_.pid())) status_ = std::move(*status);
    // What was read is its own only if it has not ended by now: its number may be another's.
    if (who_.ended(*procfs_)) return State::ended;
    if (!permitted && permitted.error().code == EPERM) return State::forbidden;
    for (const Look& look : looks)
        if (!is_forbidden(*look.bound)) apply(*look.bound, look.reading, now);
    return State::alive;
}

// It has other ids, or has executed a program that gave it capabilities.
bool PollSubject::is_forbidden(const Bound& bound) const {
    if (!bound.owner || bound.owner->all || bound.owner->privileged || !status_) return false;
    return !bound.owner->permits(*status_) || status_->permitted & ~bound.capabilities;
}

std::vector<std::uint32_t> PollSubject::end_forbidden() {
    std::vector<std::uint32_t> freed;
    std::erase_if(bound_, [&](Bound& bound) {
        if (!is_forbidden(bound)) return false;
        end(bound, BRINK_EXIT_FORBIDDEN);
        freed.push_back(bound.slot.index);
        return true;
    });
    return freed;
}

std::vector<std::uint32_t> PollSubject::remove(const std::function<bool(std::uint32_t)>& gone) {
    std::vector<std::uint32_t> freed;
    std::erase_if(bound_, [&](const Bound& bound) {
        if (gone(bound.number)) freed.push_back(bound.slot.index);
        return gone(bound.number);
    });
    return freed;
}

bool PollSubject::resync(TallySlot slot) {
    for (Bound& bound : bound_) {
        if (bound.slot.index != slot.index || bound.slot.generation != slot.generation) continue;
        bound.tally.resync([&](brink_record& record) { queue(bound, record); });
        return true;
    }
    return false;
}

void PollSubject::apply(Bound& bound, const Result<resource::Reading>& reading, Duration now) {
    bound.due = now + interval_.max();
    if (!reading) return;  // it is about to end, or we are short of something
    if (reading->usage == 0) {
        // On its way out table and memory are gone already: that is an exit, not a program that gave
        // everything back.
        const auto stat = procfs_->stat(who_.pid());
        bound.due = now + interval_.min();
        if (!stat || stat->exiting()) return;
    }
    const auto say = [&](brink_record& record) { queue(bound, record); };
    if (bound.begun)
        bound.tally.update(*reading, say);
    else
        bound.tally.begin(*reading, bound.start == Start::at_exec, say);
    bound.begun = true;
    bound.due = next_look(bound, *reading, now);
}

PollSubject::Duration PollSubject::next_look(Bound& bound, const resource::Reading& reading,
                                             Duration now) {
    if (!bound.timer)
        return now + bound.interval.next(now, reading.usage, bound.tally.distance(reading.usage),
                                         reading.limit);
    set_timer(bound, reading.usage);
    return Duration::max();
}

// Nothing tells that the limit has changed: with levels that follow it, it is read again after each second of CPU time,
// the unit that it has.
void PollSubject::set_timer(const Bound& bound, std::uint64_t usage) {
    std::uint64_t at = bound.tally.next_up();
    if (bound.tally.follows_limit()) at = std::min(at, usage + kLimitUnitNs);
    bound.timer->set(at < BRINK_NEVER ? at : 0);
}

void PollSubject::end(brink_exit_reason reason) {
    for (Bound& bound : bound_) end(bound, reason);
}

void PollSubject::end(Bound& bound, brink_exit_reason reason) {
    bound.tally.end(bound.named, reason, [&](brink_record& record) { queue(bound, record); });
}

std::optional<std::uint32_t> PollSubject::leave(std::uint32_t number) {
    const auto found = find(number);
    if (found == bound_.end()) return std::nullopt;
    const std::uint32_t slot = found->slot.index;
    end(*found, BRINK_EXIT_UNSELECTED);
    bound_.erase(found);
    return slot;
}

std::vector<std::uint32_t> PollSubject::inheritance(std::uint64_t born) const {
    std::vector<std::uint32_t> numbers;
    for (const Bound& bound : bound_)
        if (bound.in_force && bound.tally.inherits() && born >= bound.since)
            numbers.push_back(bound.number);
    return numbers;
}

bool PollSubject::has_inheritance() const {
    return std::any_of(bound_.begin(), bound_.end(),
                       [](const Bound& bound) { return bound.in_force && bound.tally.inherits(); });
}

std::vector<std::uint32_t> PollSubject::slots() const {
    std::vector<std::uint32_t> indices;
    for (const Bound& bound : bound_) indices.push_back(bound.slot.index);
    return indices;
}

// --- records

void PollSubject::queue(const Bound& bound, const brink_record& from) {
    refresh_names();
    brink_record record = from;
    record.tally = bound.slot.index;
    record.generation = bound.slot.generation;
    record.watch = bound.number;
    record.monotonic_ns = monotonic_now_ns();
    record.start_time_ns = who_.start_time() * ns_per_tick();
    record.pid = record.ns_pid = static_cast<std::uint32_t>(who_.pid());
    record.ppid = static_cast<std::uint32_t>(stat_.ppid);
    record.uid = uid_;
    if (bound.named) record.flags |= BRINK_RECORD_NAMED;
    if (thread_) record.flags |= BRINK_RECORD_THREAD;
    const std::size_t length = std::min(stat_.comm.size(), sizeof record.comm - 1);
    std::copy_n(stat_.comm.data(), length, record.comm);
    queue_->push_back(record);
}

// Those of the last time if it is gone.
void PollSubject::refresh_names() {
    auto stat = procfs_->stat(who_.pid());
    const auto status = procfs_->status(who_.pid());
    if (!stat || stat->start_time != who_.start_time()) return;
    stat_ = std::move(*stat);
    if (status) uid_ = status->uid_real;
}

}  // namespace brink::engine
