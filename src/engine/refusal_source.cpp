// SPDX-License-Identifier: Apache-2.0
#include "engine/refusal_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include "base/epoll.hpp"
#include "resource/shared/cgroups.hpp"

namespace brink::engine {
namespace {

using Duration = TimerFd::Duration;

constexpr Duration kNotSooner = std::chrono::seconds(1);

struct Key {
    const char* name;
    brink_refusal refusal;
    bool often;  // a cgroup at its limit meets it all the time
};

constexpr std::array kMemory{Key{"max", BRINK_REFUSAL_MAX, true},
                             Key{"oom", BRINK_REFUSAL_OOM, false},
                             Key{"oom_kill", BRINK_REFUSAL_OOM_KILL, false}};
constexpr std::array kHigh{Key{"high", BRINK_REFUSAL_HIGH, true}};
constexpr std::array kSwap{Key{"max", BRINK_REFUSAL_MAX, true},
                           Key{"fail", BRINK_REFUSAL_FAIL, true}};
constexpr std::array kPids{Key{"max", BRINK_REFUSAL_ERRNO, false}};

// Where a resource says that it was refused, and what it stands at.
struct Place {
    std::string_view resource;
    std::array<const char*, 2> files;  // the first one that is there
    std::span<const Key> keys;
    const char* usage;
    const char* limit;
};

// pids.events.local and what it means are there since Linux 6.11. Before, pids.events stands in the cgroup of who was
// refused, whose limit need not be its own.
constexpr std::array<Place, 4> kPlaces{{
    {"memory", {"memory.events.local", "memory.events"}, kMemory, "memory.current", "memory.max"},
    {"memory_high",
     {"memory.events.local", "memory.events"},
     kHigh,
     "memory.current",
     "memory.high"},
    {"memory_swap",
     {"memory.swap.events", nullptr},
     kSwap,
     "memory.swap.current",
     "memory.swap.max"},
    {"pids", {"pids.events", nullptr}, kPids, "pids.current", "pids.max"},
}};

const Place& place_of(const Resource& resource) {
    return *std::find_if(kPlaces.begin(), kPlaces.end(),
                         [&](const Place& place) { return place.resource == resource.name; });
}

const char* file_of(const Place& place, const kernel::Cgroup& cgroup) {
    for (const char* file : place.files)
        if (file != nullptr && cgroup.text(file)) return file;
    return nullptr;
}

}  // namespace

Result<std::unique_ptr<RefusalSource>> RefusalSource::create(kernel::Machine machine) {
    auto tree = machine.unified_cgroups();
    if (!tree) return tl::unexpected(tree.error());
    auto timer = TimerFd::create();
    if (!timer) return tl::unexpected(timer.error());
    std::unique_ptr<RefusalSource> source(new RefusalSource(std::move(*timer)));
    RefusalSource* const self = source.get();
    auto cgroups = kernel::CgroupFollower::create(
        *tree, {.on_birth = [self](const kernel::Cgroup& cgroup) { self->begin(cgroup); },
                .on_death = [self](const std::string& path) { self->end(path); },
                .on_change =
                    [self](std::uint64_t key) {
                        if (const auto found = self->events_.find(key);
                            found != self->events_.end())
                            self->look(found->second, true);
                    }});
    if (!cgroups) return tl::unexpected(cgroups.error());
    auto epoll = epoll_of({self->timer_.fd(), (*cgroups)->fd()});
    if (!epoll) return tl::unexpected(epoll.error());
    source->epoll_ = std::move(*epoll);
    source->cgroups_ = std::move(*cgroups);
    return source;
}

Result<std::uint32_t> RefusalSource::add_watch(const Resource& resource, const brink_watch& watch) {
    if (auto checked = check_watch(watch, watches_.size()); !checked)
        return tl::unexpected(checked.error());
    const auto number = static_cast<std::uint32_t>(watches_.size());
    watches_.push_back({&resource, number, std::nullopt});
    return number;
}

Result<void> RefusalSource::bind(std::uint32_t /*watch*/, const Target& target) {
    return fail(fmt::format("process {}: a cgroup is refused, not a process", target.pid),
                EOPNOTSUPP);
}

Result<void> RefusalSource::select(std::uint32_t watch, const Selection& selection) {
    Watch& selected = watches_.at(watch);
    const bool known = std::any_of(watches_.begin(), watches_.end(), [&](const Watch& other) {
        return other.selection && other.resource == selected.resource;
    });
    selected.selection = selection;
    if (!std::exchange(following_, true)) {
        cgroups_->start();
    } else if (!known) {
        cgroups_->visit([&](const kernel::Cgroup& cgroup) { begin(cgroup, *selected.resource); });
    }
    return {};
}

void RefusalSource::begin(const kernel::Cgroup& cgroup) {
    std::vector<const Resource*> begun;
    for (const Watch& watch : watches_) {
        if (!watch.selection ||
            std::find(begun.begin(), begun.end(), watch.resource) != begun.end())
            continue;
        begun.push_back(watch.resource);
        begin(cgroup, *watch.resource);
    }
}

void RefusalSource::begin(const kernel::Cgroup& cgroup, const Resource& resource) {
    const bool selected = std::any_of(watches_.begin(), watches_.end(), [&](const Watch& watch) {
        return watch.selection && watch.resource == &resource &&
               match_cgroup(*watch.selection, cgroup.path()) != Match::no;
    });
    const Place& place = place_of(resource);
    const char* const file = selected ? file_of(place, cgroup) : nullptr;
    // Without the file the controller is not enabled there.
    if (file == nullptr || !cgroups_->follow_file(cgroup, file, ++last_key_)) return;
    const auto [added, is_new] = events_.emplace(last_key_,
                                                 Events{cgroup, &resource,
                                                        records_.add(resource::the_cgroup(cgroup)),
                                                        std::vector<Counter>(place.keys.size())});
    look(added->second, false);
}

void RefusalSource::end(const std::string& path) {
    for (auto place = events_.begin(); place != events_.end();) {
        if (place->second.cgroup.path() != path) {
            ++place;
            continue;
        }
        records_.end(place->second.slot);
        place = events_.erase(place);
    }
}

std::vector<std::string> RefusalSource::take_remarks() {
    if (!cgroups_->take_missed()) return {};
    return {std::string(kernel::CgroupFollower::kMissed)};
}

// --- what read() does

void RefusalSource::read(const Reader& reader) {
    timer_.clear();
    cgroups_->read();
    if (due_ <= TimerFd::now()) {
        due_ = TimerFd::kNever;
        for (auto& [key, events] : events_) look(events, true);
    }
    records_.hand_over(reader);
    set_timer();
}

// `say`: else it is what was there before.
void RefusalSource::look(Events& events, bool say_it) {
    const Place& place = place_of(*events.resource);
    const char* const file = file_of(place, events.cgroup);
    if (file == nullptr) return;
    const Duration now = TimerFd::now();
    for (std::size_t i = 0; i < place.keys.size(); ++i) {
        Counter& counter = events.counters[i];
        const auto count = events.cgroup.field(file, place.keys[i].name);
        if (!count || *count == counter.said) continue;
        if (say_it && now < counter.next) {
            due_ = std::min(due_, counter.next);
            continue;
        }
        const std::uint64_t times = *count - std::min(*count, counter.said);
        counter.said = *count;
        if (!say_it || times == 0) continue;
        if (place.keys[i].often) counter.next = now + kNotSooner;
        say(events, i, times);
    }
}

void RefusalSource::say(Events& events, std::size_t key, std::uint64_t times) {
    const Place& place = place_of(*events.resource);
    const auto usage = events.cgroup.number(place.usage);
    const auto limit = events.cgroup.number(place.limit);
    if (!usage || !limit || *limit == resource::kUnlimited) return;
    brink_record record{};
    record.type = BRINK_RECORD_DENIED;
    record.usage = *usage;
    record.limit = *limit;
    record.limit_hard = resource::kUnlimited;
    record.cause = static_cast<brink_u8>(place.keys[key].refusal);
    if (record.cause == BRINK_REFUSAL_ERRNO)
        record.errno_value = static_cast<brink_u32>(events.resource->denied_errno);
    record.old_limit = times;
    for (const Watch& watch : watches_) {
        if (watch.resource != events.resource || !watch.selection ||
            match_cgroup(*watch.selection, events.cgroup.path()) == Match::no)
            continue;
        record.number = events.next_number++;
        records_.queue(events.slot, watch.number, record);
    }
}

void RefusalSource::set_timer() { timer_.set(records_.waiting() ? Duration::zero() : due_); }

}  // namespace brink::engine
