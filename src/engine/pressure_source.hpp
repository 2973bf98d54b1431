// SPDX-License-Identifier: Apache-2.0
// PressureSource: the engine `notify` for pressure: a trigger of the kernel for each level of each subject, the system and
// cgroups of v2. Nothing happens while no level is reached.
//
// What can be had: a level is heard of within a tenth of the window of 2 s after it was reached, without CAP_SYS_RESOURCE
// within 2 s. The kernel does not say how much it was: the usage of a crossing upwards is the level. It says nothing when
// pressure falls either: a level is left when for 1.1 windows no trigger has fired and the kernel's sum of the time has not
// grown by so much. What is above a level when a watch is set is a crossing within a window, not `initial`.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/fd.hpp"
#include "base/timer_fd.hpp"
#include "engine/poll_tally.hpp"
#include "engine/shared_records.hpp"
#include "engine/subject_match.hpp"
#include "kernel/cgroup_follower.hpp"
#include "kernel/pressure_triggers.hpp"

namespace brink::engine {

inline constexpr std::size_t kMostTriggers = 4096;  // each takes a descriptor

class PressureSource final : public RecordSource {
  public:
    /// Errors: this kernel or these privileges allow no trigger; the sentence says why.
    [[nodiscard]] static Result<std::unique_ptr<PressureSource>> create();

    [[nodiscard]] std::string_view engine() const override { return "notify"; }
    [[nodiscard]] const resource::Subject* subject_of(std::uint32_t tally) const override {
        return records_.subject_of(tally);
    }
    /// REQUIRES: `resource` has Facility::pressure. Errors: as check_watch().
    [[nodiscard]] Result<std::uint32_t> add_watch(const Resource& resource,
                                                  const brink_watch& watch) override;
    /// Errors: EOPNOTSUPP, always: no process has pressure of its own.
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
        brink_watch levels;
        std::uint32_t number;
        std::optional<Selection> selection;
    };
    /// A threshold of a standing.
    struct Trigger {
        std::uint32_t key;
        std::uint64_t at_ns;
        bool live = false;  ///< at or above it, as far as is known
        Duration asked{0};  ///< when it was live: since when the sum of the time is `total_ns`
        std::uint64_t total_ns = 0;
    };
    /// One subject under one watch.
    struct Standing {
        Watch* watch;
        std::string file;
        std::string cgroup;  ///< empty: the system
        TallySlot slot;
        PollTally tally;
        bool named;
        std::vector<Trigger> triggers{};
    };

    explicit PressureSource(TimerFd timer) : timer_(std::move(timer)) {}
    [[nodiscard]] Result<void> follow_cgroups();
    void begin_cgroup(Watch& watch, const kernel::Cgroup& cgroup);
    void begin(Watch& watch, resource::Subject subject, std::string file, bool named);
    [[nodiscard]] Result<void> set_triggers(Standing& standing);
    void take_fired();
    void take_quiet();
    void ask_again(Standing& standing, Trigger& trigger, Duration now);
    void update(Standing& standing, std::uint64_t measured_ns);
    void end(Standing& standing);
    void end_cgroup(const std::string& path);
    void say(Standing& standing, brink_record& record);
    void set_timer();

    Fd epoll_;
    TimerFd timer_;
    std::unique_ptr<kernel::PressureTriggers> triggers_;
    std::unique_ptr<kernel::CgroupFollower> cgroups_;  ///< when a cgroup was selected
    std::deque<Watch> watches_;
    std::list<Standing> standings_;
    std::unordered_map<std::uint32_t, Standing*> by_key_;
    SharedRecords records_;
    std::vector<std::string> remarks_;
    bool said_refusal_ = false;
};

}  // namespace brink::engine
