// SPDX-License-Identifier: Apache-2.0
#include "engine/hook_source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/epoll.hpp"
#include "base/fd.hpp"
#include "engine/first_counts.hpp"
#include "kernel/file_text.hpp"

namespace brink::engine {
namespace {

// include/brink/resource.hpp and src/bpf/wire.h count alike, but for what has no hooks.
constexpr brink_u32 kind_of(Hooked hooked) { return static_cast<brink_u32>(hooked) - 1; }
static_assert(kind_of(Hooked::descriptors) == BRINK_KIND_DESCRIPTORS);
static_assert(kind_of(Hooked::address_space) == BRINK_KIND_ADDRESS_SPACE);
static_assert(kind_of(Hooked::data) == BRINK_KIND_DATA);
static_assert(kind_of(Hooked::stack) == BRINK_KIND_STACK);
static_assert(kind_of(Hooked::locked_memory) == BRINK_KIND_LOCKED);
static_assert(kind_of(Hooked::mappings) == BRINK_KIND_MAPPINGS);
static_assert(kind_of(Hooked::threads) == BRINK_KIND_THREADS);
static_assert(kind_of(Hooked::resident_memory) == BRINK_KIND_RESIDENT);
static_assert(kind_of(Hooked::user_processes) == BRINK_KIND_USER_PROCESSES);
static_assert(kind_of(Hooked::user_inotify_watches) == BRINK_KIND_USER_INOTIFY_WATCHES);
static_assert(kind_of(Hooked::cgroup_pids) == BRINK_KIND_CGROUP_PIDS);
static_assert(kind_of(Hooked::cgroup_swap) == BRINK_KIND_CGROUP_SWAP);
static_assert(kind_of(Hooked::socket_queue) == BRINK_KIND_SOCKET_QUEUE);

constexpr const char* kMaxMappings = "/proc/sys/vm/max_map_count";
constexpr int kSamples = 16;

std::string subject(const Target& target) {
    return fmt::format("{} {}", target.thread ? "thread" : "process", target.pid);
}

Error bind_error(int code, const Target& target) {
    switch (code) {
        case ESRCH:
            return {code,
                    fmt::format("{} is exiting, or it is one of the kernel's", subject(target))};
        case ENOSPC:
            return {code, fmt::format("{} cannot be watched: the tables are full (--max-subjects "
                                      "makes them larger), or it has {} watches already",
                                      subject(target), BRINK_MAX_PER_SUBJECT)};
        case EPERM:
            return {code,
                    fmt::format(
                        "{} may not be watched: its real, effective and saved ids are not all "
                        "yours, and you have neither CAP_SYS_RESOURCE nor CAP_SYS_PTRACE over it",
                        subject(target))};
        default:
            return {code, fmt::format("cannot watch {}: {}", subject(target), std::strerror(code))};
    }
}

}  // namespace

Result<std::unique_ptr<HookSource>> HookSource::create(const kernel::HookOptions& options) {
    auto hooks = kernel::Hooks::load(options);
    if (!hooks) return tl::unexpected(hooks.error());
    std::unique_ptr<HookSource> source(new HookSource(std::move(*hooks)));
    source->engine_ = options.engine;
    source->max_watches_ = options.max_watches;
    auto epoll = epoll_of({source->hooks_->fd()});
    if (!epoll) return tl::unexpected(epoll.error());
    source->epoll_ = std::move(*epoll);
    return source;
}

std::string_view HookSource::engine() const {
    return engine_ == kernel::HookEngine::kernel ? "kernel" : "tracepoint";
}

// A write to a file of sysctl is told like one to any other file, while somebody has it open.
Result<void> HookSource::follow_max_mappings() {
    if (sysctl_) return {};
    sysctl_ = Fd(::open(kMaxMappings, O_RDONLY | O_CLOEXEC));
    if (!sysctl_) return fail_errno(kMaxMappings);
    inotify_ = Fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!inotify_ || ::inotify_add_watch(inotify_.get(), kMaxMappings, IN_MODIFY) < 0)
        return fail_errno(std::string("cannot follow changes of ") + kMaxMappings);
    read_max_mappings();
    return add_to_epoll(epoll_, inotify_.get());
}

void HookSource::read_max_mappings() {
    if (const auto limit = kernel::read_number(kMaxMappings)) hooks_->set_max_mappings(*limit);
}

bool HookSource::max_mappings_changed() const {
    std::array<char, 1024> events{};
    return inotify_ && ::read(inotify_.get(), events.data(), events.size()) > 0;
}

Result<std::uint32_t> HookSource::add_watch(const Resource& resource, const brink_watch& watch) {
    brink_watch written = watch;
    written.kind = kind_of(resource.hooked);
    if (written.kind == BRINK_KIND_MAPPINGS)
        if (auto followed = follow_max_mappings(); !followed)
            return tl::unexpected(followed.error());
    // Without the way down the kernel engine needs no hook on close: it recounts near a level.
    if (written.kind || engine_ == kernel::HookEngine::tracepoint ||
        !(watch.flags & BRINK_WATCH_DOWN))
        written.flags |= BRINK_WATCH_SCAN;
    const auto number = take_number();
    if (!number) return number;
    written.serial = ++serial_ ? serial_ : ++serial_;
    if (auto stored = hooks_->set_watch(*number, written); !stored)
        return tl::unexpected(stored.error());
    watches_[*number] = {written.serial, &resource};
    return number;
}

// Of those that were used before the one that has rested longest.
Result<std::uint32_t> HookSource::take_number() {
    if (watches_.size() < max_watches_) {
        watches_.emplace_back();
        return static_cast<std::uint32_t>(watches_.size() - 1);
    }
    if (free_.empty()) return fail(fmt::format("more than {} watches", max_watches_), ENOSPC);
    const std::uint32_t number = free_.front();
    free_.pop_front();
    return number;
}

void HookSource::remove_watches(std::span<const std::uint32_t> watches) {
    for (const std::uint32_t number : watches) {
        selections_.remove(number);
        shared_.remove(number);
        (void)hooks_->set_watch(number, brink_watch{});  // nobody inherits it any more
        watches_[number] = {};
        free_.push_back(number);
    }
    drop_stale();
}

// Tallies whose watch is gone. A child that was born in the very moment of the removal is found the next time; what it
// says until then is passed over, as it has the serial of the old watch.
void HookSource::drop_stale() {
    for (std::uint32_t id = 1; id < hooks_->tallies(); ++id) {
        const brink_tally& tally = hooks_->tally(id);
        if (!tally.signal || tally.watch >= watches_.size() ||
            tally.serial == watches_[tally.watch].serial)
            continue;
        (void)hooks_->command(about(id, BRINK_COMMAND_DROP));
        order_.forget(id);
    }
}

Result<void> HookSource::set_owner(std::uint32_t owner, const Owner& who) {
    brink_command command{};
    command.kind = BRINK_COMMAND_OWNER;
    command.watch = owner;
    command.proc_fd = who.socket;
    command.flags = who.all ? BRINK_OWNER_ALL : 0;
    if (const int error = hooks_->command(command).error)
        return fail_errno("cannot tell who is on the other end of the socket", -error);
    return {};
}

Result<void> HookSource::set_account(std::uint32_t account, const Account& bounds) {
    brink_account written{};
    written.max_waiting = bounds.max_waiting;
    written.max_tallies = bounds.max_subjects;
    return hooks_->set_account(account, written);
}

Result<void> HookSource::attach() { return hooks_->attach(); }

Result<void> HookSource::bind(std::uint32_t watch, const Target& target) {
    if (auto attached = hooks_->attach(); !attached) return attached;
    const std::string path = fmt::format("/proc/{}", target.pid);
    const Fd process(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!process && errno != ENOENT) return fail_errno(path);
    if (!process) return fail(fmt::format("there is no {}", subject(target)), ESRCH);
    brink_command command{};
    command.kind = BRINK_COMMAND_BIND;
    command.watch = watch;
    command.proc_fd = process.get();
    if (target.thread) command.flags |= BRINK_TALLY_THREAD;
    if (target.at_exec) command.flags |= BRINK_TALLY_AT_EXEC;
    if (hooks_->watch(watch).flags & BRINK_WATCH_SCAN) command.flags |= BRINK_TALLY_SCAN;
    command.base = static_cast<brink_u64>(target.pid);
    const brink_answer answer = insist(command);
    if (answer.error) return tl::unexpected(bind_error(-answer.error, target));
    brink_record known{};
    known.tally = answer.tally;
    known.generation = answer.generation;
    known.watch = watch;
    known.serial = watches_[watch].serial;
    known.pid = static_cast<brink_u32>(target.pid);
    known.ns_pid = answer.ns_pid;
    known.start_time_ns = hooks_->tally(answer.tally).start_time_ns;
    known.flags = BRINK_RECORD_NAMED;
    if (target.thread) known.flags |= BRINK_RECORD_THREAD;
    order_.begin(known);
    if (target.at_exec) return {};
    FirstCounts counts(*hooks_);
    counts.add(answer.tally);
    const auto unsettled = counts.settle();
    if (!unsettled) return tl::unexpected(unsettled.error());
    if (*unsettled == 0) return {};
    return fail("the descriptor table changes faster than it can be counted; try again", EAGAIN);
}

// Children match, or do not: nobody inherits.
Result<void> HookSource::select(std::uint32_t watch, const Selection& selection) {
    if (auto attached = hooks_->attach(); !attached) return attached;
    const Resource& resource = *watches_.at(watch).resource;
    if (resource.scope != Scope::process) return shared_.select(watch, resource, selection);
    const auto bit = selections_.bit_for(watch);
    if (!bit) return tl::unexpected(bit.error());
    brink_watch written = hooks_->watch(watch);
    written.flags &= ~static_cast<brink_u32>(BRINK_WATCH_INHERIT);
    written.selected = *bit + 1;
    if (auto stored = hooks_->set_watch(watch, written); !stored) return stored;
    if (auto added = selections_.add(*bit, selection); !added) return added;
    selections_.look_at_all();
    return settle_pending();
}

Result<void> HookSource::settle_pending() {
    pending_seen_ = hooks_->pending();
    FirstCounts counts(*hooks_);
    counts.add_pending();
    const auto unsettled = counts.settle();
    if (!unsettled) return tl::unexpected(unsettled.error());
    unsettled_ += *unsettled;
    return {};
}

RecordSource::Selected HookSource::selected(std::uint32_t watch) const {
    Selected selected;
    for (std::uint32_t id = 1; id < hooks_->tallies(); ++id)
        if (const brink_tally& tally = hooks_->tally(id); tally.table && tally.watch == watch)
            selected.limits.push_back(tally.limit);
    return selected;
}

std::string HookSource::no_refusals() const {
    std::string reasons;
    for (const kernel::HookStatus& hook : hooks_->status())
        if (hook.optional && !hook.reason.empty())
            reasons += fmt::format("; when {} is not seen: {}", hook.purpose, hook.reason);
    return reasons;
}

void HookSource::read(const Reader& taker) {
    const Reader reader = [&](const brink_record& record, const brink_stack_record* stack) {
        if (shared_.takes(record)) taker(record, stack);
    };
    if (max_mappings_changed()) (void)check_all();
    read_ring(reader);
    resync_dropped(reader);
    if (hooks_->pending() != pending_seen_) (void)settle_pending();
    if (hooks_->take_stale_limits()) shared_.gather_limits();
    if (!std::exchange(woken_, false) && !hooks_->preemptible()) return;
    if (const std::uint64_t missed = hooks_->missed(); missed != missed_seen_) {
        missed_seen_ = missed;
        (void)check_all();
    }
}

void HookSource::take(const void* data, std::size_t bytes, const Reader& reader) {
    if (bytes >= sizeof(brink_stack_record)) {
        order_.take(*static_cast<const brink_stack_record*>(data), reader);
        return;
    }
    if (bytes < sizeof(brink_record)) return;
    const auto& record = *static_cast<const brink_record*>(data);
    hooks_->take_from_account(record.flags >> BRINK_RECORD_ACCOUNT_SHIFT);
    switch (record.type) {
        case BRINK_RECORD_NEAR: (void)hooks_->attach_refusals(); break;
        case BRINK_RECORD_WAKE:
            hooks_->heard_wake();
            woken_ = true;
            break;
        default:
            if (record.watch < watches_.size() && record.serial == watches_[record.watch].serial)
                order_.take(record, reader);
    }
}

void HookSource::read_ring(const Reader& reader) {
    hooks_->read([&](const void* data, std::size_t bytes) { take(data, bytes, reader); });
}

// Records that found no room leave a gap in the numbers that will never be filled. What came after
// it is handed over, and the subject's present state is said.
void HookSource::resync_dropped(const Reader& reader) {
    const std::uint64_t dropped = hooks_->dropped();
    if (dropped == dropped_seen_) return;
    dropped_seen_ = dropped;
    for (std::uint32_t id = 1; id < hooks_->tallies(); ++id)
        if (hooks_->tally(id).table && order_.close_gap(id, reader)) (void)correct(id, 0);
    // A record that came after the last look would be no lost one.
    read_ring(reader);
    order_.end_the_gone(reader);
}

// Tries again while what the command is about changes (EAGAIN).
brink_answer HookSource::insist(const brink_command& command) {
    brink_answer answer{};
    for (int i = 0; i < kSamples; ++i) {
        answer = hooks_->command(command);
        if (answer.error != -EAGAIN) break;
    }
    return answer;
}

// A command about tally `id` as it is owned now.
brink_command HookSource::about(std::uint32_t id, brink_command_kind kind) const {
    brink_command command{};
    command.kind = kind;
    command.tally = id;
    command.generation = hooks_->tally(id).generation;
    return command;
}

bool HookSource::resync(std::uint32_t tally, std::uint32_t generation) {
    return hooks_->tally(tally).generation == generation && correct(tally, 0);
}

// `off`: what the tally is to be corrected by. The record comes with the next read().
bool HookSource::correct(std::uint32_t id, std::int64_t off) {
    brink_command command = about(id, BRINK_COMMAND_RESYNC);
    command.base = static_cast<std::uint64_t>(off);
    return insist(command).error == 0;
}

// As with the first count, operations under way make a sample too small, never too large: the largest of several
// is the truth. All tallies are looked at in turns, so that the time between two samples is that of all. Whose
// first two are right is right, unless an operation was under way in both.
std::optional<std::size_t> HookSource::check_all() {
    if (sysctl_) read_max_mappings();
    shared_.gather_limits();
    selections_.look_at_all();
    (void)settle_pending();
    struct Suspect {
        std::uint32_t id;
        std::int64_t most;
        int samples;
    };
    std::vector<Suspect> suspects;
    for (std::uint32_t id = 1; id < hooks_->tallies(); ++id)
        if (hooks_->tally(id).table) suspects.push_back({id, INT64_MIN, 0});
    for (int turn = 1; turn <= kSamples && !suspects.empty(); ++turn) {
        if (turn > 1) pause_between_samples(*hooks_);
        std::erase_if(suspects, [&](Suspect& suspect) {
            const brink_answer answer = hooks_->command(about(suspect.id, BRINK_COMMAND_CHECK));
            if (answer.error) return answer.error == -ESRCH;
            const auto off = static_cast<std::int64_t>(answer.base - answer.usage);
            suspect.most = std::max(suspect.most, off);
            return ++suspect.samples == 2 && suspect.most == 0;
        });
    }
    std::size_t differing = 0;
    for (const Suspect& suspect : suspects)
        if (suspect.samples && suspect.most && correct(suspect.id, suspect.most)) ++differing;
    return differing;
}

}  // namespace brink::engine
