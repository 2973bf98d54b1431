// SPDX-License-Identifier: Apache-2.0
// SharedPollSource: the engine `poll` for what is counted for no single process: users, cgroups, sockets, the system. At
// each look it reads a resource whole, as `brink limits` does, so that subjects that come and go are seen without asking
// for each.
//
// How often: as the nearest of the subjects wants it (poll_interval.hpp), but what takes long is read more seldom: all
// resources together take at most 5 % of one CPU, each an equal part of it. What happens between two looks is missed.
// Nobody is known to have acted, but for a socket its owner.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/timer_fd.hpp"
#include "engine/poll_interval.hpp"
#include "engine/poll_source.hpp"
#include "engine/poll_tally.hpp"
#include "engine/shared_records.hpp"
#include "engine/subject_match.hpp"
#include "resource/survey.hpp"

namespace brink::engine {

class SharedPollSource final : public RecordSource {
  public:
    /// A look that begins now; `users`: at the counts of users too, which may cost a pass over all processes.
    using LookAtMachine = std::function<kernel::Machine(bool users)>;

    [[nodiscard]] static Result<std::unique_ptr<SharedPollSource>> create(
        const PollOptions& options, LookAtMachine look_at_machine);

    [[nodiscard]] std::string_view engine() const override { return "poll"; }
    [[nodiscard]] const resource::Subject* subject_of(std::uint32_t tally) const override {
        return records_.subject_of(tally);
    }

    /// REQUIRES: `resource` is not one of processes, and can be read. Errors: as PollSource.
    [[nodiscard]] Result<std::uint32_t> add_watch(const Resource& resource,
                                                  const brink_watch& watch) override;
    /// Errors: EOPNOTSUPP, always: no such resource is one of a process.
    [[nodiscard]] Result<void> bind(std::uint32_t watch, const Target& target) override;
    /// Errors: what Definition::read_all says, but not that there is nothing now: that is a remark.
    [[nodiscard]] Result<void> select(std::uint32_t watch, const Selection& selection) override;
    [[nodiscard]] std::vector<std::string> take_remarks() override;

    [[nodiscard]] int fd() const override { return timer_.fd(); }
    void read(const Reader& reader) override;
    [[nodiscard]] int timeout_ms() const override { return -1; }
    [[nodiscard]] std::uint64_t dropped() const override { return 0; }
    [[nodiscard]] std::uint64_t unwatched() const override { return 0; }  // it is a remark

  private:
    using Duration = PollInterval::Duration;

    /// One subject under one watch.
    struct Standing {
        PollTally tally;
        PollInterval interval;
        TallySlot slot{};
        Duration due{0};
        bool named = false;
        bool seen = true;  ///< at this look
    };
    struct Watch {
        brink_watch levels;
        std::uint32_t number;
        std::optional<Selection> selection;
        std::unordered_map<std::string, Standing> standings;  ///< by key_of()
    };
    /// What is read together.
    struct Group {
        const resource::Definition* definition;
        std::vector<Watch*> watches;
        Duration due{0};
    };

    SharedPollSource(const PollOptions& options, TimerFd timer, LookAtMachine look_at_machine);

    [[nodiscard]] Group& group_of(const resource::Definition& definition);
    Result<std::string> look(Group& group, kernel::Machine& machine);
    void take(Watch& watch, const resource::Row& row, const kernel::Machine& machine, Duration at);
    void say_dormant(const Watch& watch, const resource::Row& row);
    void drop_unseen(Watch& watch);
    void look_at_due(Duration at);
    void set_timer();

    LookAtMachine look_at_machine_;
    PollInterval interval_;  ///< a fresh one
    TimerFd timer_;
    std::deque<Watch> watches_;
    std::deque<Group> groups_;
    SharedRecords records_;
    std::vector<std::string> remarks_;
    std::size_t n_standings_ = 0;
    bool said_full_ = false;
};

}  // namespace brink::engine
