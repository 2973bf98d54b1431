// SPDX-License-Identifier: Apache-2.0
// One round of read(): who has ended, whose look is due, which children are new; then the records
// of the round are handed over and the timer is set to the next look.
#include "engine/poll_source.hpp"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <unordered_map>

namespace brink::engine {
namespace {

using Duration = PollInterval::Duration;

constexpr std::size_t kMaxSubjects = 32768;
constexpr int kRestFactor = 19;  // rest 19 times as long as was worked: 5 % of a CPU

Duration clock_now(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return std::chrono::seconds(now.tv_sec) + Duration(now.tv_nsec);
}

std::uint64_t ns_per_tick() {
    static const auto kTicks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    return 1'000'000'000 / (kTicks != 0 ? kTicks : 100);
}

// "No process" is an answer about the target, everything else about us.
bool is_gone(const Error& error) { return error.code == ESRCH || error.code == ENOENT; }

std::uint64_t epoll_key(pid_t pid, bool thread) {
    return static_cast<std::uint64_t>(pid) << 1 | (thread ? 1 : 0);
}

}  // namespace

PollSource::PollSource(const PollOptions& options, kernel::Procfs procfs)
    : procfs_(std::move(procfs)), options_(options), discover_interval_(options.min_interval) {}

Result<std::unique_ptr<PollSource>> PollSource::create(const PollOptions& options,
                                                       kernel::Procfs procfs) {
    std::unique_ptr<PollSource> source(new PollSource(options, std::move(procfs)));
    source->epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!source->epoll_) return fail_errno("poll engine: epoll_create1");
    source->timer_ = Fd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!source->timer_) return fail_errno("poll engine: timerfd_create");
    epoll_event event{};
    event.events = EPOLLIN;
    if (::epoll_ctl(source->epoll_.get(), EPOLL_CTL_ADD, source->timer_.get(), &event) != 0)
        return fail_errno("poll engine: epoll_ctl");
    return source;
}

Result<std::uint32_t> PollSource::add_watch(const brink_watch& watch) {
    if (watches_.size() >= BRINK_MAX_WATCHES)
        return fail("more than " + std::to_string(BRINK_MAX_WATCHES) + " watches", ENOSPC);
    if (watch.n_levels == 0 || watch.n_levels > BRINK_MAX_LEVELS)
        return fail("a watch has 1 to " + std::to_string(BRINK_MAX_LEVELS) + " levels", EINVAL);
    watches_.push_back(watch);
    return static_cast<std::uint32_t>(watches_.size() - 1);
}

// --- subjects

Result<void> PollSource::bind(std::uint32_t watch, const Target& target) {
    if (watch >= watches_.size()) return fail("there is no watch " + std::to_string(watch), EINVAL);
    const auto found = subject_for(target);
    if (!found) return tl::unexpected<Error>(found.error());
    Subject& subject = **found;
    for (Bound& bound : subject.bound) {
        if (bound.watch != watch) continue;
        bound.named = true;
        return {};
    }
    if (subject.bound.size() >= BRINK_MAX_PER_SUBJECT)
        return fail("process " + std::to_string(target.pid) + " has " +
                        std::to_string(BRINK_MAX_PER_SUBJECT) + " watches, the most it can have",
                    ENOSPC);
    Bound& bound = attach(subject, watch, target);
    bound.named = true;
    if (bound.armed) arm(subject, bound, false);
    discover_interval_ = options_.min_interval;
    discover_due_ = Duration::zero();
    set_timer();
    return {};
}

Result<PollSource::Subject*> PollSource::subject_for(const Target& target) {
    const Key key{target.pid, target.thread};
    auto known = subjects_.find(key);
    if (known != subjects_.end() && known->second.who.ended(procfs_)) {
        finish(key, 0);  // its number may have a new owner
        known = subjects_.end();
    }
    if (known != subjects_.end()) return &known->second;
    auto who = kernel::ProcessIdentity::take(procfs_, target.pid, target.thread);
    if (!who) return tl::unexpected<Error>(who.error());
    if (who->ended(procfs_))
        return fail("process " + std::to_string(target.pid) + " has ended", ESRCH);
    const auto permitted = procfs_.may_watch(target.pid);
    if (!permitted) return tl::unexpected<Error>(permitted.error());
    const auto usage = procfs_.descriptor_count(target.pid);
    if (!usage) return tl::unexpected<Error>(usage.error());
    if (subjects_.size() >= kMaxSubjects)
        return fail("more than " + std::to_string(kMaxSubjects) + " processes", ENOSPC);
    return &insert(std::move(*who), target.thread);
}

PollSource::Subject& PollSource::insert(kernel::ProcessIdentity who, bool thread) {
    const Key key{who.pid(), thread};
    Subject subject{.who = std::move(who),
                    .thread = thread,
                    .interval = {options_.min_interval, options_.max_interval},
                    .due = Duration::zero(),
                    .bound = {},
                    .stat = {}};
    subject.stat = subject.who.first_stat();
    if (const auto status = procfs_.status(key.first)) subject.uid = status->uid_real;
    if (subject.who.pidfd() >= 0) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = epoll_key(key.first, thread);
        (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, subject.who.pidfd(), &event);
    }
    return subjects_.insert_or_assign(key, std::move(subject)).first->second;
}

PollSource::Bound& PollSource::attach(Subject& subject, std::uint32_t watch, const Target& how) {
    const std::uint32_t slot = take_slot();
    const auto since = static_cast<std::uint64_t>(clock_now(CLOCK_BOOTTIME).count());
    subject.bound.push_back({.tally = PollTally(watches_[watch]),
                             .watch = watch,
                             .slot = slot,
                             .generation = slots_[slot].generation,
                             .named = false,
                             .armed = !how.at_exec,
                             .since = since / ns_per_tick()});
    return subject.bound.back();
}

void PollSource::executed(pid_t pid) {
    const auto found = subjects_.find({pid, false});
    if (found == subjects_.end()) return;
    for (Bound& bound : found->second.bound) {
        if (bound.armed) continue;
        bound.armed = true;
        arm(found->second, bound, true);
    }
    set_timer();
}

// If it cannot be read it has just ended, which its pidfd will say.
void PollSource::arm(Subject& subject, Bound& bound, bool at_exec) {
    const auto reading = look(subject);
    if (!reading) return;
    bound.tally.begin(*reading, at_exec,
                      [&](brink_record& record) { queue(subject, bound, record); });
    subject.due = Duration::zero();
}

std::uint32_t PollSource::take_slot() {
    if (free_slots_.empty()) {
        free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
        slots_.emplace_back();
    }
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    ++slots_[slot].generation;
    return slot;
}

void PollSource::finish(Key key, int error) {
    const auto found = subjects_.find(key);
    if (found == subjects_.end()) return;
    Subject& subject = found->second;
    for (Bound& bound : subject.bound) {
        bound.tally.end(bound.named, error,
                        [&](brink_record& record) { queue(subject, bound, record); });
        free_slots_.push_back(bound.slot);
    }
    subjects_.erase(found);
}

// --- looking

Result<PollReading> PollSource::look(const Subject& subject) const {
    const pid_t pid = subject.who.pid();
    const auto usage = procfs_.descriptor_count(pid);
    if (!usage) return tl::unexpected<Error>(usage.error());
    const auto limit = procfs_.limit(pid, RLIMIT_NOFILE);
    if (!limit) return tl::unexpected<Error>(limit.error());
    return PollReading{*usage, limit->soft, limit->hard};
}

void PollSource::poll_subject(Subject& subject, Duration now) {
    const Key key{subject.who.pid(), subject.thread};
    const auto reading = look(subject);
    const auto permitted = procfs_.may_watch(key.first);
    if (subject.who.ended(procfs_)) return finish(key, 0);
    if (!permitted && !is_gone(permitted.error())) return finish(key, EPERM);
    if (!reading) {  // ending, or an error that may pass
        subject.due = now + options_.max_interval;
        return;
    }
    if (reading->usage == 0) {
        // Between exit_files() and the end the table is gone already: that is an exit, not a
        // program that closed everything.
        const auto stat = procfs_.stat(key.first);
        if (!stat || stat->exiting()) {
            subject.due = now + options_.min_interval;
            return;
        }
    }
    for (Bound& bound : subject.bound)
        if (bound.armed)
            bound.tally.update(*reading,
                               [&](brink_record& record) { queue(subject, bound, record); });
    schedule(subject, now, *reading);
}

void PollSource::schedule(Subject& subject, Duration now, const PollReading& reading) {
    std::uint64_t distance = ~std::uint64_t{0};
    for (const Bound& bound : subject.bound)
        if (bound.armed) distance = std::min(distance, bound.tally.distance(reading.usage));
    subject.due = now + subject.interval.next(now, reading.usage, distance, reading.limit);
}

void PollSource::poll_due(Duration now) {
    std::vector<Key> due;
    for (const auto& [key, subject] : subjects_) {
        const bool armed = std::any_of(subject.bound.begin(), subject.bound.end(),
                                       [](const Bound& bound) { return bound.armed; });
        // What is due soon is looked at now: fewer wake-ups.
        if (armed && subject.due <= now + options_.min_interval / 4) due.push_back(key);
    }
    for (const Key& key : due) poll_subject(subjects_.at(key), now);
}

void PollSource::take_exits() {
    std::array<epoll_event, 64> events{};
    for (;;) {
        const int n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
        bool any_exit = false;
        for (int i = 0; i < n; ++i) {
            const std::uint64_t key = events[static_cast<std::size_t>(i)].data.u64;
            if (key == 0) continue;  // the timer
            finish({static_cast<pid_t>(key >> 1), (key & 1) != 0}, 0);
            any_exit = true;
        }
        if (!any_exit) return;
    }
}

// --- children

void PollSource::discover() {
    std::unordered_multimap<pid_t, pid_t> by_parent;
    if (!procfs_.has_children_files())
        for (const auto& [child, parent] : procfs_.parents()) by_parent.emplace(parent, child);
    const std::size_t before = subjects_.size();
    std::vector<Key> parents;
    for (const auto& [key, subject] : subjects_) parents.push_back(key);
    for (std::size_t i = 0; i < parents.size(); ++i) {
        const auto [pid, thread] = parents[i];
        std::vector<pid_t> children;
        if (procfs_.has_children_files()) {
            children = thread ? procfs_.children_of_thread(pid) : procfs_.children(pid);
        } else if (!thread) {
            const auto [from, to] = by_parent.equal_range(pid);
            for (auto entry = from; entry != to; ++entry) children.push_back(entry->second);
        }
        for (const pid_t child : children) {
            if (subjects_.contains({child, false})) continue;
            adopt(subjects_.at(parents[i]), child);
            if (subjects_.contains({child, false})) parents.emplace_back(child, false);
        }
    }
    // Dense after a birth, rarer the longer there is none.
    discover_interval_ = subjects_.size() > before
                             ? Duration(options_.min_interval)
                             : std::min<Duration>(discover_interval_ + discover_interval_ / 4,
                                                  options_.max_interval);
}

void PollSource::adopt(const Subject& parent, pid_t child) {
    auto who = kernel::ProcessIdentity::take(procfs_, child);
    if (!who || who->ended(procfs_)) return;
    const std::uint64_t born = who->start_time();
    std::vector<std::uint32_t> watches;
    for (const Bound& bound : parent.bound)
        if (bound.armed && bound.tally.inherits() && born >= bound.since)
            watches.push_back(bound.watch);
    if (watches.empty() || !procfs_.may_watch(child)) return;
    if (subjects_.size() >= kMaxSubjects) return say_unwatched(parent, child);
    Subject& subject = insert(std::move(*who), false);
    for (const std::uint32_t watch : watches) {
        Bound& bound = attach(subject, watch, Target{.pid = child});
        bound.since = 0;
        arm(subject, bound, false);
    }
}

void PollSource::say_unwatched(const Subject& parent, pid_t child) {
    if (said_full_ || parent.bound.empty()) return;
    said_full_ = true;
    brink_record record{};
    record.type = BRINK_RECORD_UNWATCHED;
    record.watch = parent.bound.front().watch;
    record.monotonic_ns = static_cast<std::uint64_t>(clock_now(CLOCK_MONOTONIC).count());
    record.pid = record.ns_pid = static_cast<std::uint32_t>(child);
    record.ppid = static_cast<std::uint32_t>(parent.who.pid());
    queue_.push_back(record);
}

// --- records

// The subject's names are read anew for each record, and are those of the last time if it is gone.
void PollSource::queue(Subject& subject, const Bound& bound, const brink_record& from) {
    const pid_t pid = subject.who.pid();
    auto stat = procfs_.stat(pid);
    const auto status = procfs_.status(pid);
    if (stat && stat->start_time == subject.who.start_time()) {
        subject.stat = std::move(*stat);
        if (status) subject.uid = status->uid_real;
    }
    brink_record record = from;
    record.tally = bound.slot;
    record.generation = bound.generation;
    record.watch = bound.watch;
    record.monotonic_ns = static_cast<std::uint64_t>(clock_now(CLOCK_MONOTONIC).count());
    record.start_time_ns = subject.who.start_time() * ns_per_tick();
    record.pid = record.ns_pid = static_cast<std::uint32_t>(pid);
    record.ppid = static_cast<std::uint32_t>(subject.stat.ppid);
    record.uid = subject.uid;
    record.flags |= (bound.named ? BRINK_RECORD_NAMED : 0U) |
                    (subject.thread ? BRINK_RECORD_THREAD : 0U) |
                    (bound.tally.reported() ? BRINK_RECORD_REPORTED : 0U);
    const std::size_t length = std::min(subject.stat.comm.size(), sizeof record.comm - 1);
    std::copy_n(subject.stat.comm.data(), length, record.comm);
    queue_.push_back(record);
}

void PollSource::read(const Reader& reader) {
    std::uint64_t expirations = 0;
    (void)!::read(timer_.get(), &expirations, sizeof expirations);
    const Duration start = clock_now(CLOCK_MONOTONIC);
    take_exits();
    if (start >= rest_until_) {
        poll_due(start);
        if (start >= discover_due_) {
            discover();
            discover_due_ = start + discover_interval_;
        }
        const Duration end = clock_now(CLOCK_MONOTONIC);
        rest_until_ = end + kRestFactor * (end - start);
    }
    // The reader may call bind(): hand over from a queue of our own.
    std::deque<brink_record> ready;
    ready.swap(queue_);
    for (const brink_record& record : ready) reader(record, nullptr);
    set_timer();
}

void PollSource::set_timer() {
    const Duration now = clock_now(CLOCK_MONOTONIC);
    Duration due = Duration::max();
    bool inherits = false;
    for (const auto& [key, subject] : subjects_) {
        for (const Bound& bound : subject.bound) {
            if (!bound.armed) continue;
            due = std::min(due, subject.due);
            inherits = inherits || bound.tally.inherits();
        }
    }
    if (inherits) due = std::min(due, discover_due_);
    if (due != Duration::max()) due = std::max(due, rest_until_);
    if (!queue_.empty()) due = now;
    itimerspec when{};
    if (due != Duration::max()) {
        const Duration wait = std::max(due - now, Duration(1));  // 0 would disarm
        when.it_value.tv_sec = static_cast<time_t>(wait / std::chrono::seconds(1));
        when.it_value.tv_nsec = static_cast<long>((wait % std::chrono::seconds(1)).count());
    }
    (void)::timerfd_settime(timer_.get(), 0, &when, nullptr);
}

}  // namespace brink::engine
