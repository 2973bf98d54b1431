// SPDX-License-Identifier: Apache-2.0
#include "engine/wakeup_source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "bpf/levels.h"
#include "engine/subject_match.hpp"
#include "kernel/cgroup_tree.hpp"
#include "kernel/mounts.hpp"
#include "latency/processor_log.hpp"

namespace brink::engine {
namespace {

constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};

// "/a/b" is 2 below the root.
std::uint32_t depth_of(std::string_view path) {
    if (path == "/") return 0;
    return static_cast<std::uint32_t>(std::count(path.begin(), path.end(), '/'));
}

std::uint64_t inode_of(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

// `log`: of that processor, as it is now; nullptr: there is none.
Culprit culprit_of(const brink_late_record& late, const brink_cpu_log* log) {
    const std::span tail(late.entries, std::min<std::size_t>(late.n_entries, BRINK_LOG_TAIL));
    // While nobody waits nothing is written down: what is not there did not happen, unless there is no more room.
    bool whole = tail.size() < BRINK_LOG_TAIL || tail.front().ns <= late.waking;
    std::vector<brink_log_entry> entries;
    if (!whole && log) {
        latency::LogCopy copy;
        copy.take(*log);
        const auto older = [&](const brink_log_entry& entry) { return entry.ns < tail.front().ns; };
        std::ranges::copy_if(copy.entries(), std::back_inserter(entries), older);
        whole = copy.reaches(late.waking);
    }
    entries.insert(entries.end(), tail.begin(), tail.end());
    // Before that the log has gaps: an interrupt that began then may have ended unseen.
    std::erase_if(entries, [&](const brink_log_entry& entry) { return entry.ns < late.waking; });
    return latency::culprit_of(
        entries, {.cpu = late.cpu, .from = late.waking, .to = late.running, .whole = whole});
}

}  // namespace

Result<std::unique_ptr<WakeupSource>> WakeupSource::create(std::uint32_t max_threads,
                                                           const std::string& btf) {
    auto hooks = kernel::WakeupHooks::start(
        {.mode = BRINK_WAKEUPS_WATCH, .max_threads = max_threads, .btf = btf});
    if (!hooks) return tl::unexpected(hooks.error());
    return std::unique_ptr<WakeupSource>(new WakeupSource(std::move(*hooks)));
}

Result<std::uint32_t> WakeupSource::add_watch(const Resource& /*resource*/,
                                              const brink_watch& watch) {
    if (auto checked = check_watch(watch, bounds_.size()); !checked)
        return tl::unexpected(checked.error());
    if (bounds_.size() == BRINK_LATE_WATCHES)
        return fail(fmt::format("more than {} watches of wakeup_latency", BRINK_LATE_WATCHES),
                    ENOSPC);
    const auto index = static_cast<std::uint32_t>(bounds_.size());
    brink_late_watch written{};
    brink_set_bounds(&written.bounds, &watch, kNoLimit);
    written.flags = watch.flags;
    if (auto stored = hooks_->set_watch(index, written); !stored)
        return tl::unexpected(stored.error());
    bounds_.push_back(written.bounds);
    return index;
}

Result<void> WakeupSource::enrol(pid_t tid, std::uint32_t flags, std::uint32_t watches) {
    const std::string path = fmt::format("/proc/{}", tid);
    const Fd task(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!task) return fail(fmt::format("there is no thread {}", tid), ESRCH);
    const auto slot = hooks_->enrol(task.get(), flags, watches);
    if (!slot) return tl::unexpected(slot.error());
    return {};
}

// A thread that is watched already passes the watch on to those that it creates; until all are, new ones may be missing.
Result<void> WakeupSource::enrol_process(pid_t pid, std::uint32_t watches) {
    std::set<pid_t> enrolled;
    for (bool more = true; more;) {
        more = false;
        for (const pid_t tid : procfs_.threads(pid)) {
            if (!enrolled.insert(tid).second) continue;
            more = true;
            auto done = enrol(tid, BRINK_SLEEPER_NAMED, watches);
            if (!done && done.error().code != ESRCH) return done;
        }
    }
    if (enrolled.empty()) return fail(fmt::format("there is no process {}", pid), ESRCH);
    return {};
}

Result<void> WakeupSource::bind(std::uint32_t watch, const Target& target) {
    const std::uint32_t watches = 1U << watch;
    if (target.thread)
        return enrol(target.pid, BRINK_SLEEPER_NAMED | BRINK_SLEEPER_THREAD, watches);
    if (target.at_exec)
        return enrol(target.pid, BRINK_SLEEPER_NAMED | BRINK_SLEEPER_AT_EXEC, watches);
    return enrol_process(target.pid, watches);
}

Result<void> WakeupSource::select(std::uint32_t watch, const Selection& selection) {
    select_watches_ |= 1U << watch;
    selection_ = selection;
    switch (selection.by) {
        case SelectBy::all: hooks_->select(BRINK_SELECTS_ALL, select_watches_, {}); return {};
        case SelectBy::realtime:
            hooks_->select(BRINK_SELECTS_REALTIME, select_watches_, {});
            return {};
        case SelectBy::unit:
        case SelectBy::cgroup:
        case SelectBy::container: return select_cgroups();
        default: return RecordSource::select(watch, selection);
    }
}

// The cgroups that are meant now; those below them need not be named. brink may see part of the hierarchy only (a cgroup
// namespace): how far its own cgroup is from the root is asked of the kernel.
Result<void> WakeupSource::select_cgroups() {
    const auto mounts = kernel::read_mounts(procfs_.root());
    if (!mounts) return tl::unexpected(mounts.error());
    const auto tree = kernel::CgroupTree::unified(*mounts);
    if (!tree) return tl::unexpected(tree.error());
    const auto level = hooks_->own_cgroup_level();
    if (!level) return tl::unexpected(level.error());
    const std::uint32_t own = depth_of(procfs_.cgroup(::getpid()));
    const std::uint32_t hidden = *level > own ? *level - own : 0;
    std::vector<brink_selected_cgroup> found;
    std::size_t no_room = 0;
    tree->visit([&](const kernel::Cgroup& cgroup) {
        if (match_cgroup(*selection_, cgroup.path()) != Match::named) return;
        const std::uint64_t id = inode_of(cgroup.directory());
        if (id && found.size() < BRINK_MAX_CGROUPS)
            found.push_back({id, hidden + depth_of(cgroup.path()), 0});
        else if (id)
            ++no_room;
    });
    if (no_room > 0 && !std::exchange(said_no_room_, true))
        remarks_.push_back(fmt::format("of the cgroups that match {} are watched, and {} are not: "
                                       "there is room for no more",
                                       found.size(), no_room));
    hooks_->select(BRINK_SELECTS_CGROUP, select_watches_, found);
    return {};
}

void WakeupSource::read(const Reader& reader) {
    hooks_->read([&](const brink_late_record& late) { take(late, reader); });
    culprit_.reset();
    if (hooks_->dropped() != dropped_seen_) resync_dropped(reader);
}

void WakeupSource::take(const brink_late_record& late, const Reader& reader) {
    culprit_.reset();
    if (late.record.type == BRINK_RECORD_WAKE)
        (void)select_cgroups();  // what was selected before stays so, if that fails
    else if (late.record.type == BRINK_RECORD_CROSSING)
        say_crossings(late, reader);
    else
        reader(late.record, nullptr);
}

// One record for each level, in the order in which they were passed.
void WakeupSource::say_crossings(const brink_late_record& late, const Reader& reader) {
    if (late.record.watch >= bounds_.size()) return;
    const brink_bounds& bounds = bounds_[late.record.watch];
    const auto say = [&](std::uint32_t position, std::uint32_t flags) {
        if (position < 1 || position > BRINK_MAX_LEVELS) return;
        brink_record record = late.record;
        record.level = bounds.at[position];
        record.level_index = bounds.order[position - 1];
        record.flags |= flags;
        reader(record, nullptr);
    };
    if (late.to > late.from) culprit_ = culprit_of(late, hooks_->log(late.cpu));
    for (std::uint32_t position = late.from + 1; position <= late.to; ++position)
        say(position, BRINK_RECORD_UP);
    for (std::uint32_t position = late.from; position > late.to; --position) say(position, 0);
}

// Whose records are missing: where its last wake-up stood.
void WakeupSource::resync_dropped(const Reader& reader) {
    dropped_seen_ = hooks_->dropped();
    slot_dropped_.resize(hooks_->slots());
    for (std::uint32_t slot = 1; slot < hooks_->slots(); ++slot) {
        const brink_sleeper& sleeper = hooks_->sleeper(slot);
        if (std::exchange(slot_dropped_[slot], sleeper.dropped) == sleeper.dropped ||
            !sleeper.task || !sleeper.dropped)
            continue;
        const bool thread = sleeper.flags & BRINK_SLEEPER_THREAD;
        brink_record record{};
        record.type = BRINK_RECORD_RESYNC;
        record.tally = slot;
        record.generation = sleeper.generation;
        record.monotonic_ns = monotonic_now_ns();
        record.start_time_ns = sleeper.start_time_ns;
        record.usage = sleeper.running > sleeper.waking ? sleeper.running - sleeper.waking : 0;
        record.limit = record.limit_hard = kNoLimit;
        record.pid = thread ? sleeper.tid : sleeper.tgid;
        record.ns_pid = thread ? sleeper.ns_tid : sleeper.ns_tgid;
        record.tid = sleeper.tid;
        record.ns_tid = sleeper.ns_tid;
        if (thread) record.flags = BRINK_RECORD_THREAD;
        for (record.watch = 0; record.watch < bounds_.size(); ++record.watch)
            if (sleeper.watches & 1U << record.watch) reader(record, nullptr);
    }
}

}  // namespace brink::engine
