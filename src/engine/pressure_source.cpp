// SPDX-License-Identifier: Apache-2.0
#include "engine/pressure_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/epoll.hpp"
#include "engine/dormant.hpp"
#include "kernel/file_text.hpp"
#include "kernel/machine.hpp"
#include "resource/shared/cgroups.hpp"

namespace brink::engine {
namespace {

using resource::kPressureWindowNs;
using Duration = TimerFd::Duration;

constexpr Duration kWindow{kPressureWindowNs};
constexpr Duration kQuiet = kWindow + kWindow / 10;  // the kernel looks ten times in a window
constexpr std::string_view kSystemFolder = "/proc/pressure/";

std::chrono::microseconds microseconds(std::uint64_t ns) {
    return std::chrono::microseconds(std::max<std::uint64_t>(1, (ns + 999) / 1000));
}

std::uint64_t total_of(const std::string& file) {
    const auto text = kernel::read_text(file);
    return text ? resource::pressure_total_ns(*text).value_or(0) : 0;
}

// The levels of `watch` that can be reached at all, and the one of rearm, ascending.
std::vector<std::uint64_t> thresholds(const brink_watch& watch, const PollTally& tally) {
    std::vector<std::uint64_t> all;
    for (std::uint32_t i = 0; i < watch.n_levels; ++i)
        all.push_back(tally.level_at(watch.levels[i]));
    if (watch.flags & BRINK_WATCH_REARM) all.push_back(tally.level_at(watch.rearm));
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    std::erase_if(all, [](std::uint64_t at) { return at == 0 || at > kPressureWindowNs; });
    return all;
}

}  // namespace

Result<std::unique_ptr<PressureSource>> PressureSource::create() {
    auto timer = TimerFd::create();
    if (!timer) return tl::unexpected(timer.error());
    std::unique_ptr<PressureSource> source(new PressureSource(std::move(*timer)));
    auto triggers = kernel::PressureTriggers::create();
    if (!triggers) return tl::unexpected(triggers.error());
    // That one can be had at all.
    const auto window = microseconds(kPressureWindowNs);
    const auto one = (*triggers)->add(std::string(kSystemFolder) + "cpu", window, window);
    if (!one) return tl::unexpected(one.error());
    (*triggers)->remove(*one);
    auto epoll = epoll_of({source->timer_.fd(), (*triggers)->fd()});
    if (!epoll) return tl::unexpected(epoll.error());
    source->epoll_ = std::move(*epoll);
    source->triggers_ = std::move(*triggers);
    return source;
}

Result<std::uint32_t> PressureSource::add_watch(const Resource& resource,
                                                const brink_watch& watch) {
    if (auto checked = check_watch(watch, watches_.size()); !checked)
        return tl::unexpected(checked.error());
    const auto number = static_cast<std::uint32_t>(watches_.size());
    watches_.push_back({&resource, watch, number, std::nullopt});
    return number;
}

Result<void> PressureSource::bind(std::uint32_t /*watch*/, const Target& target) {
    return fail(fmt::format("process {}: pressure is not that of a process", target.pid),
                EOPNOTSUPP);
}

// --- subjects

Result<void> PressureSource::select(std::uint32_t watch, const Selection& selection) {
    Watch& selected = watches_.at(watch);
    selected.selection = selection;
    const kernel::Procfs procfs;
    const auto system = match(selection, *selected.resource, resource::the_system(), procfs);
    if (system != Match::no)
        begin(selected, resource::the_system(),
              fmt::format("{}{}", kSystemFolder, resource::pressure_kind(*selected.resource)),
              system == Match::named);
    if (selection.by == SelectBy::system) return {};
    const std::size_t before = standings_.size();
    if (!cgroups_) {
        // Those that are there begin for every watch that has a selection by now: this one.
        if (auto followed = follow_cgroups(); !followed) return followed;
    } else {
        cgroups_->visit([&](const kernel::Cgroup& cgroup) { begin_cgroup(selected, cgroup); });
    }
    if (standings_.size() == before)
        remarks_.push_back(fmt::format("{}: nothing of {} yet; what comes is watched",
                                       selected.resource->name, selection.description()));
    return {};
}

Result<void> PressureSource::follow_cgroups() {
    auto tree = kernel::Machine().unified_cgroups();
    if (!tree) return tl::unexpected(tree.error());
    kernel::CgroupFollower::Handlers handlers;
    handlers.on_birth = [this](const kernel::Cgroup& cgroup) {
        for (Watch& watch : watches_) begin_cgroup(watch, cgroup);
    };
    handlers.on_death = [this](const std::string& path) { end_cgroup(path); };
    auto followed = kernel::CgroupFollower::create(*tree, std::move(handlers));
    if (!followed) return tl::unexpected(followed.error());
    cgroups_ = std::move(*followed);
    if (auto added = add_to_epoll(epoll_, cgroups_->fd()); !added) return added;
    cgroups_->start();
    return {};
}

void PressureSource::begin_cgroup(Watch& watch, const kernel::Cgroup& cgroup) {
    if (!watch.selection || cgroup.is_whole_machine()) return;
    const Match matched = match_cgroup(*watch.selection, cgroup.path());
    if (matched == Match::no) return;
    begin(watch, resource::the_cgroup(cgroup),
          fmt::format("{}/{}.pressure", cgroup.directory(),
                      resource::pressure_kind(*watch.resource)),
          matched == Match::named);
}

void PressureSource::begin(Watch& watch, resource::Subject subject, std::string file, bool named) {
    Standing& standing = standings_.emplace_back(Standing{.watch = &watch,
                                                          .file = std::move(file),
                                                          .cgroup = subject.cgroup,
                                                          .slot = {},
                                                          .tally = PollTally(watch.levels),
                                                          .named = named});
    if (named) {
        std::string remark = dormant_remark(*watch.resource, subject, watch.levels,
                                            kPressureWindowNs);
        if (!remark.empty()) remarks_.push_back(std::move(remark));
    }
    standing.slot = records_.add(std::move(subject));
    standing.tally.begin({.usage = 0, .limit = kPressureWindowNs}, false,
                         [&](brink_record& record) { say(standing, record); });
    if (const auto set = set_triggers(standing); !set) {
        if (!std::exchange(said_refusal_, true))
            remarks_.push_back(fmt::format("{}: not of every cgroup: {}", watch.resource->name,
                                           set.error().message));
        for (const Trigger& trigger : standing.triggers) {
            triggers_->remove(trigger.key);
            by_key_.erase(trigger.key);
        }
        records_.end(standing.slot);
        standings_.pop_back();
    }
}

Result<void> PressureSource::set_triggers(Standing& standing) {
    for (const std::uint64_t at : thresholds(standing.watch->levels, standing.tally)) {
        if (by_key_.size() >= kMostTriggers)
            return fail(fmt::format("more than {} levels in all", kMostTriggers), ENOSPC);
        const auto key = triggers_->add(standing.file, microseconds(at),
                                        microseconds(kPressureWindowNs));
        if (!key) return tl::unexpected(key.error());
        standing.triggers.push_back({.key = *key, .at_ns = at});
        by_key_[*key] = &standing;
    }
    return {};
}

void PressureSource::end(Standing& standing) {
    for (const Trigger& trigger : standing.triggers) {
        triggers_->remove(trigger.key);
        by_key_.erase(trigger.key);
    }
    standing.tally.end(standing.named, BRINK_EXIT_ENDED,
                       [&](brink_record& record) { say(standing, record); });
    records_.end(standing.slot);
    standings_.remove_if([&](const Standing& other) { return &other == &standing; });
}

void PressureSource::end_cgroup(const std::string& path) {
    std::vector<Standing*> gone;
    for (Standing& standing : standings_)
        if (standing.cgroup == path) gone.push_back(&standing);
    for (Standing* standing : gone) end(*standing);
}

std::vector<std::string> PressureSource::take_remarks() {
    if (cgroups_ && cgroups_->take_missed()) remarks_.emplace_back(cgroups_->kMissed);
    return std::exchange(remarks_, {});
}

// --- what read() does

void PressureSource::read(const Reader& reader) {
    timer_.clear();
    if (cgroups_) cgroups_->read();
    take_fired();
    take_quiet();
    records_.hand_over(reader);
    set_timer();
}

void PressureSource::take_fired() {
    for (const auto& [key, gone] : triggers_->take_fired()) {
        const auto found = by_key_.find(key);
        if (found == by_key_.end()) continue;
        Standing& standing = *found->second;
        if (gone) {
            end(standing);
            continue;
        }
        for (Trigger& trigger : standing.triggers) {
            if (trigger.key != key) continue;
            trigger.live = true;
            trigger.asked = TimerFd::now();
            trigger.total_ns = total_of(standing.file);
        }
        update(standing, 0);
    }
}

void PressureSource::take_quiet() {
    const Duration now = TimerFd::now();
    for (Standing& standing : standings_)
        for (Trigger& trigger : standing.triggers)
            if (trigger.live && now >= trigger.asked + kQuiet) ask_again(standing, trigger, now);
}

// It has not fired for a window: does the sum of the time agree?
void PressureSource::ask_again(Standing& standing, Trigger& trigger, Duration now) {
    const std::uint64_t total = total_of(standing.file);
    const std::uint64_t grown = total - std::min(total, trigger.total_ns);
    const auto passed = static_cast<std::uint64_t>((now - trigger.asked).count());
    const auto in_window = static_cast<std::uint64_t>(static_cast<unsigned __int128>(grown) *
                                                      kPressureWindowNs / passed);
    trigger.live = in_window >= trigger.at_ns;
    trigger.asked = now;
    trigger.total_ns = total;
    if (!trigger.live) update(standing, in_window);
}

// The usage is the highest level that is live, or what was measured where that is more and below the next one.
void PressureSource::update(Standing& standing, std::uint64_t measured_ns) {
    std::uint64_t usage = 0;
    for (const Trigger& trigger : standing.triggers)
        if (trigger.live) usage = std::max(usage, trigger.at_ns);
    for (const Trigger& trigger : standing.triggers)
        if (!trigger.live && trigger.at_ns > usage)
            measured_ns = std::min(measured_ns, trigger.at_ns - 1);
    standing.tally.update({.usage = std::max(usage, measured_ns), .limit = kPressureWindowNs},
                          [&](brink_record& record) { say(standing, record); });
}

void PressureSource::say(Standing& standing, brink_record& record) {
    if (standing.named) record.flags |= BRINK_RECORD_NAMED;
    records_.queue(standing.slot, standing.watch->number, record);
}

void PressureSource::set_timer() {
    Duration due = TimerFd::kNever;
    for (const Standing& standing : standings_)
        for (const Trigger& trigger : standing.triggers)
            if (trigger.live) due = std::min(due, trigger.asked + kQuiet);
    timer_.set(records_.waiting() ? Duration::zero() : due);
}

}  // namespace brink::engine
