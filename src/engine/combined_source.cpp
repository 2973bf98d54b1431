// SPDX-License-Identifier: Apache-2.0
// Passes on, with numbers translated.
#include "engine/combined_source.hpp"

#include "base/epoll.hpp"

namespace brink::engine {
namespace {

constexpr std::uint32_t kPolledTally = std::uint32_t{1}
                                       << 31;  // hooks have fewer tallies than that

}  // namespace

Result<std::unique_ptr<CombinedSource>> CombinedSource::create(std::unique_ptr<RecordSource> hooks,
                                                               std::unique_ptr<RecordSource> poll) {
    std::unique_ptr<CombinedSource> combined(new CombinedSource);
    combined->sources_.push_back(std::move(hooks));
    combined->sources_.push_back(std::move(poll));
    auto epoll = epoll_of({combined->sources_[0]->fd(), combined->sources_[1]->fd()});
    if (!epoll) return tl::unexpected(epoll.error());
    combined->epoll_ = std::move(*epoll);
    return combined;
}

std::string_view CombinedSource::engine(std::uint32_t watch) const {
    return watch < places_.size() ? sources_[places_[watch].source]->engine() : engine();
}

Result<std::uint32_t> CombinedSource::add_watch(const Resource& resource,
                                                const brink_watch& watch) {
    const std::size_t source = resource.has_hooks() ? 0 : 1;
    const auto added = sources_[source]->add_watch(resource, watch);
    if (!added) return added;
    if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(places_.size()));
        places_.emplace_back();
    }
    const std::uint32_t number = free_.back();
    free_.pop_back();
    places_[number] = {source, *added};
    auto& numbers = numbers_.at(source);
    if (numbers.size() <= *added) numbers.resize(*added + 1);
    numbers[*added] = number;
    return number;
}

Result<void> CombinedSource::set_owner(std::uint32_t owner, const Owner& who) {
    for (const auto& source : sources_)
        if (auto set = source->set_owner(owner, who); !set) return set;
    return {};
}

Result<void> CombinedSource::set_account(std::uint32_t account, const Account& bounds) {
    for (const auto& source : sources_)
        if (auto set = source->set_account(account, bounds); !set) return set;
    return {};
}

void CombinedSource::remove_watches(std::span<const std::uint32_t> watches) {
    std::array<std::vector<std::uint32_t>, 2> there;
    for (const std::uint32_t number : watches) {
        there.at(places_.at(number).source).push_back(places_[number].watch);
        free_.push_back(number);
    }
    for (std::size_t source = 0; source < there.size(); ++source)
        if (!there[source].empty()) sources_[source]->remove_watches(there[source]);
}

bool CombinedSource::resync(std::uint32_t tally, std::uint32_t generation) {
    const bool polled = tally & kPolledTally;
    return sources_[polled ? 1 : 0]->resync(tally & ~kPolledTally, generation);
}

Result<void> CombinedSource::bind(std::uint32_t watch, const Target& target) {
    const Place& place = places_.at(watch);
    return sources_[place.source]->bind(place.watch, target);
}

Result<void> CombinedSource::select(std::uint32_t watch, const Selection& selection) {
    const Place& place = places_.at(watch);
    return sources_[place.source]->select(place.watch, selection);
}

void CombinedSource::executed(pid_t pid) {
    for (const auto& source : sources_) source->executed(pid);
}

std::optional<std::size_t> CombinedSource::check_all() { return sources_[0]->check_all(); }

void CombinedSource::read(const Reader& reader) {
    for (std::size_t source = 0; source < sources_.size(); ++source) read_from(source, reader);
}

void CombinedSource::read_from(std::size_t source, const Reader& reader) {
    sources_[source]->read([&](const brink_record& from, const brink_stack_record* stack) {
        brink_record record = from;
        if (from.watch < numbers_.at(source).size()) record.watch = numbers_[source][from.watch];
        if (source != 0) record.tally |= kPolledTally;
        reader(record, stack);
    });
}

int CombinedSource::timeout_ms() const {
    int soonest = -1;
    for (const auto& source : sources_)
        if (const int timeout = source->timeout_ms();
            timeout >= 0 && (soonest < 0 || timeout < soonest))
            soonest = timeout;
    return soonest;
}

std::uint64_t CombinedSource::dropped() const {
    return sources_[0]->dropped() + sources_[1]->dropped();
}

std::uint64_t CombinedSource::unwatched() const {
    return sources_[0]->unwatched() + sources_[1]->unwatched();
}

}  // namespace brink::engine
