// SPDX-License-Identifier: Apache-2.0
#include "engine_parts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string_view>
#include <utility>

#include "engine/poll_source.hpp"
#include "engine/pressure_source.hpp"
#include "engine/refusal_source.hpp"
#include "engine/shared_poll_source.hpp"
#include "engine/wakeup_source.hpp"

namespace brink::app {
namespace {

std::chrono::milliseconds milliseconds(std::uint64_t ns) {
    return std::chrono::milliseconds(std::max<std::uint64_t>(1, ns / 1'000'000));
}

engine::PollOptions poll_options(const MonitorOptions& options) {
    return {milliseconds(options.poll_shortest_ns), milliseconds(options.poll_longest_ns)};
}

// What it misses, and for which of `resources` nothing better exists.
std::string poll_remark(const MonitorOptions& options, const Resources& resources) {
    const engine::PollOptions interval = poll_options(options);
    std::string remark = fmt::format(
        "looks every {} to {} ms: what happens between two looks is missed, and refusals are not "
        "seen",
        interval.min_interval.count(), interval.max_interval.count());
    Resources without_hooks;
    for (const Resource* resource : resources)
        if (!resource->has_hooks()) without_hooks.insert(resource);
    if (!without_hooks.empty()) remark += "; there are no hooks for " + names(without_hooks);
    return remark;
}

}  // namespace

std::string names(const Resources& resources) {
    std::set<std::string_view> names;
    for (const Resource* resource : resources) names.insert(resource->name);
    return fmt::format("{}", fmt::join(names, ", "));
}

Result<ChosenEngine> poll_engine(const MonitorOptions& options, const Resources& resources) {
    auto source = engine::PollSource::create(poll_options(options));
    if (!source) return tl::unexpected(source.error());
    return ChosenEngine{std::move(*source), poll_remark(options, resources)};
}

Result<ChosenEngine> timer_engine(const MonitorOptions& options) {
    const engine::PollOptions interval = poll_options(options);
    auto source = engine::PollSource::with_timers(interval);
    if (!source) return tl::unexpected(source.error());
    return ChosenEngine{
        std::move(*source),
        fmt::format("fires in the first tick of the kernel's timer after a level was reached, and "
                    "costs nothing before; children are looked for every {} to {} ms, one that "
                    "ends sooner is missed",
                    interval.min_interval.count(), interval.max_interval.count())};
}

Result<ChosenEngine> wakeup_engine(const MonitorOptions& options) {
    auto source = engine::WakeupSource::create(static_cast<std::uint32_t>(options.max_subjects),
                                               options.btf);
    if (!source) return tl::unexpected(source.error());
    return ChosenEngine{std::move(*source), "sees each wake-up of the threads watched"};
}

Result<ChosenEngine> pressure_engine() {
    auto source = engine::PressureSource::create();
    if (!source) return tl::unexpected(source.error());
    return ChosenEngine{
        std::move(*source),
        "hears of a level from the kernel within 2 s, and costs nothing before; that pressure has "
        "fallen is measured, 2 s later"};
}

Result<ChosenEngine> refusal_engine() {
    auto source = engine::RefusalSource::create();
    if (!source) return tl::unexpected(source.error());
    return ChosenEngine{std::move(*source), "says when a cgroup is refused something"};
}

Result<ChosenEngine> shared_poll_engine(const MonitorOptions& options, const Resources& resources) {
    auto iterator = choose_task_iterator(options.engine);
    if (!iterator) return tl::unexpected(iterator.error());
    auto source = engine::SharedPollSource::create(
        poll_options(options),
        [iterator = std::shared_ptr<kernel::TaskIterator>(std::move(*iterator))](bool users) {
            return look_at_machine(users ? iterator.get() : nullptr);
        });
    if (!source) return tl::unexpected(source.error());
    return ChosenEngine{std::move(*source), poll_remark(options, resources)};
}

void EngineParts::add(ChosenEngine engine, Resources resources) {
    if (parts_.empty())
        remark_ = std::move(engine.remark);
    else
        remark_ += fmt::format("; {} with engine {}, which {}", names(resources),
                               engine.source->engine(), engine.remark);
    parts_.push_back(
        {std::move(engine.source), [resources = std::move(resources)](const Resource& resource) {
             return resources.contains(&resource);
         }});
}

Result<ChosenEngine> EngineParts::take() {
    remark_ += last_;
    if (parts_.size() == 1) return ChosenEngine{std::move(parts_[0].source), remark_};
    auto combined = engine::CombinedSource::create(std::move(parts_));
    if (!combined) return tl::unexpected(combined.error());
    return ChosenEngine{std::move(*combined), remark_};
}

}  // namespace brink::app
