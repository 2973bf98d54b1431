// SPDX-License-Identifier: Apache-2.0
// One round of read(): who has ended, whose look is due, which children are new; then the records
// of the round are handed over and the timer is set to the next look.
#include "engine/poll_source.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <array>

#include "base/clock.hpp"
#include "base/epoll.hpp"
#include "kernel/child_lookup.hpp"

namespace brink::engine {
namespace {

using Duration = PollInterval::Duration;

constexpr int kRestFactor = 19;  // rest 19 times as long as was worked: 5 % of a CPU

std::uint64_t epoll_key(pid_t pid, bool thread) {
    return static_cast<std::uint64_t>(pid) << 1 | (thread ? 1 : 0);
}

std::pair<pid_t, bool> key_of(std::uint64_t epoll_key) {
    return {static_cast<pid_t>(epoll_key >> 1), (epoll_key & 1) != 0};
}

}  // namespace

PollSource::PollSource(const PollOptions& options, TimerFd timer, kernel::Procfs procfs)
    : procfs_(std::move(procfs)),
      interval_(options),
      timer_(std::move(timer)),
      discover_interval_(interval_.min()) {}

Result<std::unique_ptr<PollSource>> PollSource::create(const PollOptions& options,
                                                       kernel::Procfs procfs) {
    auto timer = TimerFd::create();
    if (!timer) return tl::unexpected(timer.error());
    std::unique_ptr<PollSource> source(
        new PollSource(options, std::move(*timer), std::move(procfs)));
    auto epoll = epoll_of({source->timer_.fd()});
    if (!epoll) return tl::unexpected(epoll.error());
    source->epoll_ = std::move(*epoll);
    return source;
}

Result<std::unique_ptr<PollSource>> PollSource::with_timers(const PollOptions& options,
                                                            kernel::Procfs procfs) {
    auto timers = kernel::CpuTimers::create();
    if (!timers) return tl::unexpected(timers.error());
    auto source = create(options, std::move(procfs));
    if (!source) return source;
    if (auto added = add_to_epoll((*source)->epoll_, (*timers)->fd()); !added)
        return tl::unexpected(added.error());
    (*source)->timers_ = std::move(*timers);
    return source;
}

std::string_view PollSource::engine_of(std::uint32_t tally) const {
    return tally < timed_.size() && timed_[tally] ? "timer" : "poll";
}

Result<std::uint32_t> PollSource::add_watch(const Resource& resource, const brink_watch& watch) {
    const std::size_t used = watches_.size() - free_watches_.size();
    if (auto checked = check_watch(watch, used); !checked) return tl::unexpected(checked.error());
    if (free_watches_.empty()) {
        free_watches_.push_back(static_cast<std::uint32_t>(watches_.size()));
        watches_.emplace_back();
    }
    const std::uint32_t number = free_watches_.back();
    free_watches_.pop_back();
    watches_[number] = {&resource::definition_of(resource), watch,
                        watch.owner ? &owners_.at(watch.owner) : nullptr};
    return number;
}

Result<void> PollSource::set_owner(std::uint32_t owner, const Owner& who) {
    owners_[owner] = who;
    return {};
}

void PollSource::remove_watches(std::span<const std::uint32_t> watches) {
    const auto removed = [&](std::uint32_t number) {
        return std::find(watches.begin(), watches.end(), number) != watches.end();
    };
    for (auto at = subjects_.begin(); at != subjects_.end();) {
        const Key key = at->first;
        for (const std::uint32_t slot : at->second.remove(removed)) slots_.give_back(slot);
        ++at;
        forget_if_unwatched(key);
    }
    std::erase_if(queue_, [&](const brink_record& record) { return removed(record.watch); });
    for (Selecting& selecting : selecting_) std::erase_if(selecting.watches, removed);
    std::erase_if(selecting_, [](const Selecting& selecting) { return selecting.watches.empty(); });
    free_watches_.insert(free_watches_.end(), watches.begin(), watches.end());
    set_timer();
}

bool PollSource::resync(std::uint32_t tally, std::uint32_t generation) {
    for (auto& [key, subject] : subjects_) {
        if (!subject.resync({tally, generation})) continue;
        set_timer();
        return true;
    }
    return false;
}

void PollSource::forget_if_unwatched(Key key) {
    const auto found = subjects_.find(key);
    if (found != subjects_.end() && found->second.n_watches() == 0) subjects_.erase(found);
}

// --- subjects

Result<void> PollSource::bind(std::uint32_t watch, const Target& target) {
    if (watch >= watches_.size()) return fail("there is no watch " + std::to_string(watch), EINVAL);
    const auto found = subject_for(target);
    if (!found) return tl::unexpected<Error>(found.error());
    PollSubject& subject = **found;
    if (subject.rename(watch)) return {};
    const auto permitted = subject.permits(watches_[watch]);
    const auto reading = permitted ? watches_[watch].definition->read_process({procfs_, target.pid})
                                   : tl::unexpected<Error>(permitted.error());
    if (!reading) {
        forget_if_unwatched({target.pid, target.thread});
        return tl::unexpected<Error>(reading.error());
    }
    if (subject.n_watches() >= BRINK_MAX_PER_SUBJECT)
        return fail("process " + std::to_string(target.pid) + " has " +
                        std::to_string(BRINK_MAX_PER_SUBJECT) + " watches, the most it can have",
                    ENOSPC);
    add(subject, target.thread, watch, PollSubject::Origin::named,
        target.at_exec ? PollSubject::Start::at_exec : PollSubject::Start::now);
    if (!target.at_exec) look(subject, {target.pid, target.thread}, TimerFd::now());
    discover_interval_ = interval_.min();
    discover_due_ = Duration::zero();
    set_timer();
    return {};
}

Result<PollSubject*> PollSource::subject_for(const Target& target) {
    const Key key{target.pid, target.thread};
    auto known = subjects_.find(key);
    if (known != subjects_.end() && !known->second.who().ended(procfs_)) return &known->second;
    finish(key, BRINK_EXIT_ENDED);  // its number may have a new owner
    auto who = kernel::ProcessIdentity::take(procfs_, target.pid, target.thread);
    if (!who) return tl::unexpected<Error>(who.error());
    if (who->ended(procfs_))
        return fail("process " + std::to_string(target.pid) + " has ended", ESRCH);
    const auto permitted = procfs_.may_watch(target.pid);
    if (!permitted) return tl::unexpected<Error>(permitted.error());
    if (subjects_.size() >= kPollMaxSubjects)
        return fail("more than " + std::to_string(kPollMaxSubjects) + " processes", ENOSPC);
    return &insert(std::move(*who), target.thread);
}

PollSubject& PollSource::insert(kernel::ProcessIdentity who, bool thread) {
    const Key key{who.pid(), thread};
    if (who.pidfd() >= 0) (void)add_to_epoll(epoll_, who.pidfd(), epoll_key(key.first, thread));
    PollSubject subject(procfs_, queue_, std::move(who), thread, interval_);
    return subjects_.insert_or_assign(key, std::move(subject)).first->second;
}

void PollSource::add(PollSubject& subject, bool thread, std::uint32_t watch,
                     PollSubject::Origin origin, PollSubject::Start start) {
    const TallySlot slot = slots_.take();
    subject.add(watches_[watch], watch, slot, origin, start);
    timed_.resize(std::max<std::size_t>(timed_.size(), slot.index + 1));
    timed_[slot.index] = false;
    if (!timers_ || thread) return;
    auto timer = timers_->make(subject.who().pid(), epoll_key(subject.who().pid(), false));
    if (!timer) return;
    subject.use_timer(watch, std::move(*timer));
    timed_[slot.index] = true;
}

void PollSource::executed(pid_t pid) {
    const Key key{pid, false};
    const auto found = subjects_.find(key);
    if (found == subjects_.end()) return;
    found->second.executed();
    look(found->second, key, TimerFd::now());
    set_timer();
}

// --- what read() does

void PollSource::look(PollSubject& subject, Key key, Duration at) {
    const PollSubject::State state = subject.look(at);
    if (state != PollSubject::State::alive) {
        finish(key,
               state == PollSubject::State::forbidden ? BRINK_EXIT_FORBIDDEN : BRINK_EXIT_ENDED);
        return;
    }
    for (const std::uint32_t slot : subject.end_forbidden()) slots_.give_back(slot);
    forget_if_unwatched(key);
}

void PollSource::finish(Key key, brink_exit_reason reason) {
    const auto found = subjects_.find(key);
    if (found == subjects_.end()) return;
    found->second.end(reason);
    for (const std::uint32_t slot : found->second.slots()) slots_.give_back(slot);
    subjects_.erase(found);
}

void PollSource::take_exits() {
    std::array<epoll_event, 64> events{};
    for (bool any_exit = true; any_exit;) {
        any_exit = false;
        const int n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
        for (int i = 0; i < n; ++i) {
            const std::uint64_t key = events[static_cast<std::size_t>(i)].data.u64;
            if (key == 0) continue;  // the timers
            finish(key_of(key), BRINK_EXIT_ENDED);
            any_exit = true;
        }
    }
}

void PollSource::look_at_fired(Duration at) {
    if (!timers_) return;
    for (const std::uint64_t fired : timers_->take_fired()) {
        const Key key = key_of(fired);
        const auto found = subjects_.find(key);
        if (found != subjects_.end() && found->second.in_force()) look(found->second, key, at);
    }
}

// What is due soon is looked at now: fewer wake-ups.
void PollSource::look_at_due(Duration at) {
    std::vector<Key> due;
    for (const auto& [key, subject] : subjects_)
        if (subject.in_force() && subject.due() <= at + interval_.min() / 4) due.push_back(key);
    for (const Key& key : due) look(subjects_.at(key), key, at);
}

void PollSource::discover() {
    const kernel::ChildLookup lookup(procfs_);
    std::vector<Key> parents;
    for (const auto& [key, subject] : subjects_)
        if (subject.has_inheritance()) parents.push_back(key);
    const std::size_t n_known = parents.size();
    for (std::size_t i = 0; i < parents.size(); ++i) {
        const auto [pid, thread] = parents[i];
        for (const pid_t child : thread ? lookup.of_thread(pid) : lookup.of(pid)) {
            const auto parent = subjects_.find({pid, thread});
            if (parent != subjects_.end() && adopt(parent->second, child))
                parents.emplace_back(child, false);
        }
    }
    // Dense after a birth, rarer the longer there is none.
    discover_interval_ = std::min(discover_interval_ + discover_interval_ / 4, interval_.max());
    const bool any_selected = discover_selected();
    if (parents.size() > n_known || any_selected) discover_interval_ = interval_.min();
}

// Whether `child` is watched only from now on.
bool PollSource::adopt(const PollSubject& parent, pid_t child) {
    const Key key{child, false};
    if (const auto known = subjects_.find(key); known != subjects_.end()) {
        // Of several watches on the parent some may be new.
        give(known->second, key, parent.inheritance(known->second.who().start_time()));
        return false;
    }
    auto who = kernel::ProcessIdentity::take(procfs_, child);
    if (!who || who->ended(procfs_) || !procfs_.may_watch(child)) return false;
    const std::vector<std::uint32_t> watches = parent.inheritance(who->start_time());
    return !watches.empty() && take_in(std::move(*who), watches);
}

// Whether it is watched from now on.
bool PollSource::take_in(kernel::ProcessIdentity who, const std::vector<std::uint32_t>& watches) {
    if (subjects_.size() >= kPollMaxSubjects) {
        ++unwatched_;
        return false;
    }
    const Key key{who.pid(), false};
    give(insert(std::move(who), false), key, watches);
    return subjects_.contains(key);
}

// Sets those of `watches` that the subject lacks, and whose owners may watch it.
void PollSource::give(PollSubject& subject, Key key, const std::vector<std::uint32_t>& watches) {
    bool any = subject.n_watches() == 0;
    for (const std::uint32_t watch : watches) {
        if (subject.has(watch) || subject.n_watches() >= BRINK_MAX_PER_SUBJECT ||
            !subject.permits(watches_[watch]))
            continue;
        add(subject, false, watch, PollSubject::Origin::inherited, PollSubject::Start::now);
        any = true;
    }
    if (any) look(subject, key, TimerFd::now());
}

void PollSource::read(const Reader& reader) {
    timer_.clear();
    const Duration start = TimerFd::now();
    take_exits();
    look_at_fired(start);
    if (start >= rest_until_) {
        look_at_due(start);
        if (start >= discover_due_) {
            discover();
            discover_due_ = start + discover_interval_;
        }
        const Duration end = TimerFd::now();
        rest_until_ = end + kRestFactor * (end - start);
    }
    // The reader may call bind(): hand over from a queue of our own.
    PollSubject::Queue ready;
    ready.swap(queue_);
    for (const brink_record& record : ready) reader(record, nullptr);
    set_timer();
}

void PollSource::set_timer() {
    Duration due = selecting_.empty() ? Duration::max() : discover_due_;
    for (const auto& [key, subject] : subjects_) {
        if (subject.in_force()) due = std::min(due, subject.due());
        if (subject.has_inheritance()) due = std::min(due, discover_due_);
    }
    if (due != Duration::max()) due = std::max(due, rest_until_);
    if (!queue_.empty()) due = Duration::zero();
    timer_.set(due);
}

}  // namespace brink::engine
