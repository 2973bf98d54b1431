// SPDX-License-Identifier: Apache-2.0
// WakeupSource: how long threads wait for a processor after they were woken, from tracepoints of the scheduler
// (kernel::WakeupHooks). The programs in the kernel hold each latency against the levels; a record comes where a thread
// stands elsewhere than after its wake-up before.
//
// Each thread stands for itself: in the records of a process `tid` says which, and directions alternate for each thread
// and level. With a crossing upwards comes what had the processor (culprit()).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/record_source.hpp"
#include "kernel/procfs.hpp"
#include "kernel/wakeup_hooks.hpp"

namespace brink::engine {

class WakeupSource final : public RecordSource {
  public:
    /// Loads and attaches the programs.
    [[nodiscard]] static Result<std::unique_ptr<WakeupSource>> create(std::uint32_t max_threads,
                                                                      const std::string& btf);

    [[nodiscard]] std::string_view engine() const override { return "tracepoint"; }
    /// Errors: ENOSPC, BRINK_LATE_WATCHES are in use; those of check_watch().
    [[nodiscard]] Result<std::uint32_t> add_watch(const Resource& resource,
                                                  const brink_watch& watch) override;
    /// Errors: ESRCH, no such process; ENOSPC, it has more threads than there is room for.
    [[nodiscard]] Result<void> bind(std::uint32_t watch, const Target& target) override;
    /// By unit, cgroup, container, realtime and all: a thread is taken when it wakes for the first time. One selection
    /// for all watches.
    [[nodiscard]] Result<void> select(std::uint32_t watch, const Selection& selection) override;
    [[nodiscard]] const Culprit* culprit() const override {
        return culprit_ ? &*culprit_ : nullptr;
    }
    [[nodiscard]] int fd() const override { return hooks_->fd(); }
    void read(const Reader& reader) override;
    [[nodiscard]] int timeout_ms() const override { return -1; }
    [[nodiscard]] std::vector<std::string> take_remarks() override {
        return std::exchange(remarks_, {});
    }
    [[nodiscard]] std::uint64_t dropped() const override { return hooks_->dropped(); }
    [[nodiscard]] std::uint64_t unwatched() const override { return hooks_->unwatched(); }

  private:
    explicit WakeupSource(std::unique_ptr<kernel::WakeupHooks> hooks) : hooks_(std::move(hooks)) {}
    [[nodiscard]] Result<void> enrol(pid_t tid, std::uint32_t flags, std::uint32_t watches);
    [[nodiscard]] Result<void> enrol_process(pid_t pid, std::uint32_t watches);
    [[nodiscard]] Result<void> select_cgroups();
    void take(const brink_late_record& late, const Reader& reader);
    void say_crossings(const brink_late_record& late, const Reader& reader);
    void resync_dropped(const Reader& reader);

    std::unique_ptr<kernel::WakeupHooks> hooks_;
    kernel::Procfs procfs_;
    std::vector<brink_bounds> bounds_;  // by watch
    std::optional<Selection> selection_;
    std::uint32_t select_watches_ = 0;
    std::optional<Culprit> culprit_;
    std::vector<std::string> remarks_;
    bool said_no_room_ = false;
    std::uint64_t dropped_seen_ = 0;
    std::vector<std::uint32_t> slot_dropped_;  // by slot, of which has been said
};

}  // namespace brink::engine
