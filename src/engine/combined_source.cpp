// SPDX-License-Identifier: Apache-2.0
// Passes on, with numbers translated.
#include "engine/combined_source.hpp"

#include <sys/epoll.h>

#include <array>
#include <utility>

#include "base/epoll.hpp"

namespace brink::engine {
namespace {

// The part stands in the highest bits of a tally; no source has as many as would reach them.
constexpr unsigned kPartShift = 28;
constexpr std::uint32_t kTallyMask = (std::uint32_t{1} << kPartShift) - 1;

}  // namespace

Result<std::unique_ptr<CombinedSource>> CombinedSource::create(std::vector<Part> parts) {
    std::unique_ptr<CombinedSource> combined(new CombinedSource);
    auto epoll = epoll_of({});
    if (!epoll) return tl::unexpected(epoll.error());
    combined->epoll_ = std::move(*epoll);
    for (std::size_t part = 0; part < parts.size(); ++part)
        if (auto added = add_to_epoll(combined->epoll_, parts[part].source->fd(), part); !added)
            return tl::unexpected(added.error());
    combined->watches_.resize(parts.size());
    combined->parts_ = std::move(parts);
    return combined;
}

std::string_view CombinedSource::engine_of(std::uint32_t tally) const {
    return parts_[tally >> kPartShift].source->engine_of(tally & kTallyMask);
}

const resource::Subject* CombinedSource::subject_of(std::uint32_t tally) const {
    return parts_[tally >> kPartShift].source->subject_of(tally & kTallyMask);
}

Result<std::uint32_t> CombinedSource::add_watch(const Resource& resource,
                                                const brink_watch& watch) {
    if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(places_.size()));
        places_.emplace_back();
    }
    const std::uint32_t number = free_.back();
    std::vector<Place> places;
    for (std::size_t part = 0; part < parts_.size(); ++part) {
        if (!parts_[part].takes(resource)) continue;
        const auto added = parts_[part].source->add_watch(resource, watch);
        if (!added) {
            remove(places);
            return added;
        }
        places.push_back({part, *added});
        if (watches_[part].size() <= *added) watches_[part].resize(*added + 1);
        watches_[part][*added] = number;
    }
    free_.pop_back();
    places_[number] = std::move(places);
    return number;
}

Result<void> CombinedSource::set_owner(std::uint32_t owner, const Owner& who) {
    for (const Part& part : parts_)
        if (auto set = part.source->set_owner(owner, who); !set) return set;
    return {};
}

Result<void> CombinedSource::set_account(std::uint32_t account, const Account& bounds) {
    for (const Part& part : parts_)
        if (auto set = part.source->set_account(account, bounds); !set) return set;
    return {};
}

void CombinedSource::remove_watches(std::span<const std::uint32_t> watches) {
    std::vector<Place> places;
    for (const std::uint32_t number : watches) {
        std::vector<Place>& gone = places_.at(number);
        places.insert(places.end(), gone.begin(), gone.end());
        gone.clear();
        free_.push_back(number);
    }
    remove(places);
}

void CombinedSource::remove(const std::vector<Place>& places) {
    std::vector<std::vector<std::uint32_t>> there(parts_.size());
    for (const Place& place : places) there[place.part].push_back(place.watch);
    for (std::size_t part = 0; part < parts_.size(); ++part)
        if (!there[part].empty()) parts_[part].source->remove_watches(there[part]);
}

bool CombinedSource::resync(std::uint32_t tally, std::uint32_t generation) {
    return parts_[tally >> kPartShift].source->resync(tally & kTallyMask, generation);
}

Result<void> CombinedSource::bind(std::uint32_t watch, const Target& target) {
    Result<void> bound;
    for (const Place& place : places_.at(watch))
        if (bound) bound = parts_[place.part].source->bind(place.watch, target);
    return bound;
}

Result<void> CombinedSource::select(std::uint32_t watch, const Selection& selection) {
    Result<void> selected;
    for (const Place& place : places_.at(watch))
        if (selected) selected = parts_[place.part].source->select(place.watch, selection);
    return selected;
}

std::vector<std::string> CombinedSource::take_remarks() {
    std::vector<std::string> all;
    for (const Part& part : parts_)
        for (std::string& remark : part.source->take_remarks()) all.push_back(std::move(remark));
    return all;
}

RecordSource::Selected CombinedSource::selected(std::uint32_t watch) const {
    Selected all;
    for (const Place& place : places_.at(watch)) {
        const Selected some = parts_[place.part].source->selected(place.watch);
        all.limits.insert(all.limits.end(), some.limits.begin(), some.limits.end());
        all.forbidden += some.forbidden;
    }
    return all;
}

void CombinedSource::executed(pid_t pid) {
    for (const Part& part : parts_) part.source->executed(pid);
}

std::optional<std::size_t> CombinedSource::check_all() {
    std::optional<std::size_t> differing;
    for (const Part& part : parts_)
        if (const auto here = part.source->check_all()) differing = differing.value_or(0) + *here;
    return differing;
}

// Who is ready is asked after those have been read that are read anyway: their records are not to wait for it.
void CombinedSource::read(const Reader& reader) {
    for (std::size_t part = 0; part < parts_.size(); ++part)
        if (!parts_[part].only_if_ready) read_from(part, reader);
    std::array<epoll_event, 16> events{};
    const int n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    std::uint32_t ready = 0;
    for (int i = 0; i < n; ++i) ready |= 1U << events.at(static_cast<std::size_t>(i)).data.u64;
    for (std::size_t part = 0; part < parts_.size(); ++part)
        if (parts_[part].only_if_ready && (ready >> part & 1U) != 0) read_from(part, reader);
}

void CombinedSource::read_from(std::size_t part, const Reader& reader) {
    reading_ = part;
    parts_[part].source->read([&](const brink_record& from, const brink_stack_record* stack) {
        brink_record record = from;
        if (from.watch < watches_[part].size()) record.watch = watches_[part][from.watch];
        record.tally |= static_cast<std::uint32_t>(part) << kPartShift;
        reader(record, stack);
    });
}

int CombinedSource::timeout_ms() const {
    int soonest = -1;
    for (const Part& part : parts_)
        if (const int timeout = part.source->timeout_ms();
            timeout >= 0 && (soonest < 0 || timeout < soonest))
            soonest = timeout;
    return soonest;
}

std::uint64_t CombinedSource::dropped() const {
    std::uint64_t sum = 0;
    for (const Part& part : parts_) sum += part.source->dropped();
    return sum;
}

std::uint64_t CombinedSource::dropped_of(std::uint32_t account) const {
    std::uint64_t sum = 0;
    for (const Part& part : parts_) sum += part.source->dropped_of(account);
    return sum;
}

std::uint64_t CombinedSource::unwatched() const {
    std::uint64_t sum = 0;
    for (const Part& part : parts_) sum += part.source->unwatched();
    return sum;
}

}  // namespace brink::engine
