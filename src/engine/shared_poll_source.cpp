// SPDX-License-Identifier: Apache-2.0
// One look reads every resource that is due, and sorts what it finds into the standings of the watches.
#include "engine/shared_poll_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/clock.hpp"
#include "engine/dormant.hpp"
#include "resource/survey.hpp"

namespace brink::engine {
namespace {

constexpr int kShare = 20;  // all resources together take this part of one CPU

}  // namespace

SharedPollSource::SharedPollSource(const PollOptions& options, TimerFd timer,
                                   LookAtMachine look_at_machine)
    : look_at_machine_(std::move(look_at_machine)), interval_(options), timer_(std::move(timer)) {}

Result<std::unique_ptr<SharedPollSource>> SharedPollSource::create(const PollOptions& options,
                                                                   LookAtMachine look_at_machine) {
    auto timer = TimerFd::create();
    if (!timer) return tl::unexpected(timer.error());
    return std::unique_ptr<SharedPollSource>(
        new SharedPollSource(options, std::move(*timer), std::move(look_at_machine)));
}

Result<std::uint32_t> SharedPollSource::add_watch(const Resource& resource,
                                                  const brink_watch& watch) {
    if (auto checked = check_watch(watch, watches_.size()); !checked)
        return tl::unexpected(checked.error());
    const auto number = static_cast<std::uint32_t>(watches_.size());
    watches_.push_back(
        {.levels = watch, .number = number, .selection = std::nullopt, .standings = {}});
    group_of(resource::definition_of(resource)).watches.push_back(&watches_.back());
    return number;
}

Result<void> SharedPollSource::bind(std::uint32_t /*watch*/, const Target& target) {
    return fail(fmt::format("process {}: what is counted for no process cannot be watched on one",
                            target.pid),
                EOPNOTSUPP);
}

SharedPollSource::Group& SharedPollSource::group_of(const resource::Definition& definition) {
    for (Group& group : groups_)
        if (group.definition == &definition) return group;
    return groups_.emplace_back(Group{.definition = &definition, .watches = {}});
}

Result<void> SharedPollSource::select(std::uint32_t watch, const Selection& selection) {
    Watch& selected = watches_.at(watch);
    const auto group = std::find_if(groups_.begin(), groups_.end(), [&](const Group& candidate) {
        return std::find(candidate.watches.begin(), candidate.watches.end(), &selected) !=
               candidate.watches.end();
    });
    selected.selection = selection;
    const Resource& resource = group->definition->resource;
    kernel::Machine machine = look_at_machine_(resource.scope == Scope::user);
    const auto seen = look(*group, machine);
    if (!seen && seen.error().code != ENOENT)
        return fail(fmt::format("{}: {}", resource.name, seen.error().message), seen.error().code);
    const std::string remark = seen ? *seen : seen.error().message;
    if (!remark.empty()) remarks_.push_back(fmt::format("{}: {}", resource.name, remark));
    if (selected.standings.empty() && remark.empty())
        remarks_.push_back(
            fmt::format("{}: nothing now is {}", resource.name, selection.description()));
    set_timer();
    return {};
}

std::vector<std::string> SharedPollSource::take_remarks() { return std::exchange(remarks_, {}); }

// --- one look

Result<std::string> SharedPollSource::look(Group& group, kernel::Machine& machine) {
    const auto began = Duration(clock_ns(CLOCK_THREAD_CPUTIME_ID));
    const Duration at = TimerFd::now();
    for (Watch* watch : group.watches)
        for (auto& [key, standing] : watch->standings) standing.seen = false;
    const auto answer = group.definition->read_all(machine, [&](resource::Subject subject,
                                                                const resource::Reading& reading) {
        const resource::Row row{&group.definition->resource, std::move(subject), reading};
        for (Watch* watch : group.watches) take(*watch, row, machine, at);
    });
    // What could not be read may be there all the same.
    if (answer || answer.error().code == ENOENT)
        for (Watch* watch : group.watches) drop_unseen(*watch);
    group.due = at + interval_.max();
    for (const Watch* watch : group.watches)
        for (const auto& [key, standing] : watch->standings)
            group.due = std::min(group.due, standing.due);
    const Duration cost = Duration(clock_ns(CLOCK_THREAD_CPUTIME_ID)) - began;
    const auto rest = cost * (kShare * static_cast<std::int64_t>(groups_.size()) - 1);
    group.due = std::max(group.due, TimerFd::now() + rest);
    return answer;
}

void SharedPollSource::take(Watch& watch, const resource::Row& row, const kernel::Machine& machine,
                            Duration at) {
    if (!watch.selection) return;
    const Match matched = match(*watch.selection, *row.resource, row.subject, machine.procfs());
    if (matched == Match::no) return;
    const auto [place, added] = watch.standings.try_emplace(
        resource::key_of(row), Standing{.tally = PollTally(watch.levels), .interval = interval_});
    Standing& standing = place->second;
    if (added && n_standings_ >= kPollMaxSubjects) {
        watch.standings.erase(place);
        if (!std::exchange(said_full_, true))
            remarks_.push_back(fmt::format("{}: more than {} subjects; the others are not watched",
                                           row.resource->name, kPollMaxSubjects));
        return;
    }
    const auto say = [&](brink_record& record) {
        if (standing.named) record.flags |= BRINK_RECORD_NAMED;
        records_.queue(standing.slot, watch.number, record);
    };
    if (added) {
        ++n_standings_;
        standing.slot = records_.add(row.subject);
        standing.named = matched == Match::named;
        if (standing.named) say_dormant(watch, row);
        standing.tally.begin(row.reading, false, say);
    } else {
        standing.tally.update(row.reading, say);
    }
    standing.seen = true;
    const std::uint64_t distance = standing.tally.distance(row.reading.usage);
    standing.due = at + standing.interval.next(at, row.reading.usage, distance, row.reading.limit);
}

void SharedPollSource::say_dormant(const Watch& watch, const resource::Row& row) {
    std::string remark = dormant_remark(*row.resource, row.subject, watch.levels,
                                        row.reading.limit);
    if (!remark.empty()) remarks_.push_back(std::move(remark));
}

void SharedPollSource::drop_unseen(Watch& watch) {
    for (auto place = watch.standings.begin(); place != watch.standings.end();) {
        Standing& standing = place->second;
        if (standing.seen) {
            ++place;
            continue;
        }
        standing.tally.end(standing.named, BRINK_EXIT_ENDED, [&](brink_record& record) {
            if (standing.named) record.flags |= BRINK_RECORD_NAMED;
            records_.queue(standing.slot, watch.number, record);
        });
        records_.end(standing.slot);
        --n_standings_;
        place = watch.standings.erase(place);
    }
}

// --- what read() does

void SharedPollSource::read(const Reader& reader) {
    timer_.clear();
    look_at_due(TimerFd::now());
    records_.hand_over(reader);
    set_timer();
}

// What is due soon is looked at now: fewer wake-ups, and one look at the processes for all.
void SharedPollSource::look_at_due(Duration at) {
    std::vector<Group*> due;
    bool users = false;
    for (Group& group : groups_) {
        if (group.due > at + interval_.min() / 4) continue;
        due.push_back(&group);
        users |= group.definition->resource.scope == Scope::user;
    }
    if (due.empty()) return;
    kernel::Machine machine = look_at_machine_(users);
    for (Group* group : due) (void)look(*group, machine);
}

void SharedPollSource::set_timer() {
    Duration due = TimerFd::kNever;
    for (const Group& group : groups_) due = std::min(due, group.due);
    timer_.set(records_.waiting() ? Duration::zero() : due);
}

}  // namespace brink::engine
