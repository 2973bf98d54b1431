// SPDX-License-Identifier: Apache-2.0
// RefusalSource: the engine `notify` for what a cgroup was refused: memory.events, memory.swap.events and pids.events of
// cgroup v2, which the kernel says have changed (cgroup-v2.rst). It says `denied`, and nothing else: levels are another
// source's.
//
// Of memory the files ".local" are read: there the cgroup stands whose own limit was met. A cgroup without a limit is
// not said to be refused anything by it. The kernel tells ten times in 10 ms once; `max` and `high`, which a cgroup at its
// limit meets all the time, are said once a second at most. How often it was stands in the record. Who it was is not known.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/fd.hpp"
#include "base/timer_fd.hpp"
#include "engine/shared_records.hpp"
#include "engine/subject_match.hpp"
#include "kernel/cgroup_follower.hpp"

namespace brink::engine {

class RefusalSource final : public RecordSource {
  public:
    /// Errors: ENOENT, cgroup v2 is not mounted.
    [[nodiscard]] static Result<std::unique_ptr<RefusalSource>> create(
        kernel::Machine machine = kernel::Machine());

    [[nodiscard]] std::string_view engine() const override { return "notify"; }
    [[nodiscard]] const resource::Subject* subject_of(std::uint32_t tally) const override {
        return records_.subject_of(tally);
    }
    /// REQUIRES: `resource` has Facility::cgroup_events. Errors: as check_watch().
    [[nodiscard]] Result<std::uint32_t> add_watch(const Resource& resource,
                                                  const brink_watch& watch) override;
    /// Errors: EOPNOTSUPP, always: no such resource is one of a process.
    [[nodiscard]] Result<void> bind(std::uint32_t watch, const Target& target) override;
    [[nodiscard]] Result<void> select(std::uint32_t watch, const Selection& selection) override;
    [[nodiscard]] std::vector<std::string> take_remarks() override;

    [[nodiscard]] int fd() const override { return epoll_.get(); }
    void read(const Reader& reader) override;
    [[nodiscard]] int timeout_ms() const override { return -1; }
    [[nodiscard]] std::uint64_t dropped() const override { return 0; }
    [[nodiscard]] std::uint64_t unwatched() const override { return 0; }

  private:
    using Duration = TimerFd::Duration;

    struct Watch {
        const Resource* resource;
        std::uint32_t number;
        std::optional<Selection> selection;
    };
    struct Counter {
        std::uint64_t said = 0;
        Duration next{0};  ///< not to be said before
    };
    /// One file of one cgroup, for the watches on one resource.
    struct Events {
        kernel::Cgroup cgroup;
        const Resource* resource;
        TallySlot slot;
        std::vector<Counter> counters;  ///< as the resource has keys
        std::uint16_t next_number = 0;
    };

    explicit RefusalSource(TimerFd timer) : timer_(std::move(timer)) {}
    void begin(const kernel::Cgroup& cgroup);
    void begin(const kernel::Cgroup& cgroup, const Resource& resource);
    void end(const std::string& path);
    void look(Events& events, bool say);
    void say(Events& events, std::size_t key, std::uint64_t times);
    void set_timer();

    TimerFd timer_;
    Fd epoll_;
    std::unique_ptr<kernel::CgroupFollower> cgroups_;
    bool following_ = false;
    std::deque<Watch> watches_;
    std::unordered_map<std::uint64_t, Events> events_;  ///< by key of the follower
    std::uint64_t last_key_ = 0;
    Duration due_ = TimerFd::kNever;  ///< when a counter that was held back is to be said
    SharedRecords records_;
};

}  // namespace brink::engine
