// SPDX-License-Identifier: Apache-2.0
// HookSource: the engines `kernel` and `tracepoint`. The hooks count and decide in the kernel; this
// class links watches to processes, reads the records (RecordOrder), and holds the counts against the tables
// where a hook may have been left out.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "engine/hook_selections.hpp"
#include "engine/record_order.hpp"
#include "engine/record_source.hpp"
#include "engine/shared_subjects.hpp"
#include "kernel/hooks.hpp"

namespace brink::engine {

class HookSource final : public RecordSource {
  public:
    /// Loads the programs; nothing is attached before the first bind().
    [[nodiscard]] static Result<std::unique_ptr<HookSource>> create(
        const kernel::HookOptions& options);

    /// Attaches the hooks; bind() does it otherwise.
    [[nodiscard]] Result<void> attach();

    [[nodiscard]] std::string_view engine() const override;
    [[nodiscard]] Result<void> set_owner(std::uint32_t owner, const Owner& who) override;
    [[nodiscard]] Result<void> set_account(std::uint32_t account, const Account& bounds) override;
    /// Errors: ENOSPC, HookOptions::max_watches are in use; what inotify(7) says, where the limit is one of sysctl.
    /// REQUIRES: `resource` has hooks.
    [[nodiscard]] Result<std::uint32_t> add_watch(const Resource& resource,
                                                  const brink_watch& watch) override;
    /// Errors: ESRCH, no such process, or it is exiting; ENOSPC, the tables are full, the process
    /// has BRINK_MAX_PER_SUBJECT watches, or the account has as many subjects as it may; EAGAIN, it
    /// changes its table faster than it can be read; EPERM, the owner may not watch it.
    [[nodiscard]] Result<void> bind(std::uint32_t watch, const Target& target) override;
    /// Errors: what HookSelections says, or SharedSubjects.
    [[nodiscard]] Result<void> select(std::uint32_t watch, const Selection& selection) override;
    [[nodiscard]] const resource::Subject* subject_of(std::uint32_t tally) const override {
        return shared_.subject_of(tally);
    }
    [[nodiscard]] Selected selected(std::uint32_t watch) const override;
    void remove_watches(std::span<const std::uint32_t> watches) override;
    [[nodiscard]] bool resync(std::uint32_t tally, std::uint32_t generation) override;
    [[nodiscard]] int fd() const override { return epoll_.get(); }
    void read(const Reader& taker) override;
    [[nodiscard]] int timeout_ms() const override { return order_.waiting() ? 10 : -1; }
    [[nodiscard]] std::uint64_t dropped() const override { return hooks_->dropped(); }
    [[nodiscard]] std::uint64_t dropped_of(std::uint32_t account) const override {
        return hooks_->dropped_of(account);
    }
    [[nodiscard]] std::uint64_t unwatched() const override {
        return hooks_->unwatched() + unsettled_;
    }

    /// Holds every count against the kernel's table, and every process against the selections; a count that differs is
    /// corrected and said in a RESYNC record. The answer: how many did.
    [[nodiscard]] std::optional<std::size_t> check_all() override;

    /// Whether this kernel may leave out a hook now and then; it is noticed, and check_all() follows.
    [[nodiscard]] bool leaves_out() const { return hooks_->leaves_out(); }

    /// "; when descriptors are refused is not seen: …": what will not be `denied`, and why. Empty if all will.
    [[nodiscard]] std::string no_refusals() const;

  private:
    explicit HookSource(std::unique_ptr<kernel::Hooks> hooks)
        : hooks_(std::move(hooks)),
          selections_(*hooks_),
          shared_(*hooks_),
          order_([this](std::uint32_t id) -> const brink_tally& { return hooks_->tally(id); }) {}
    [[nodiscard]] Result<void> follow_max_mappings();
    void read_max_mappings();
    [[nodiscard]] bool max_mappings_changed() const;  // since it was asked last
    [[nodiscard]] Result<void> settle_pending();
    void take(const void* data, std::size_t bytes, const Reader& reader);
    void read_ring(const Reader& reader);
    void resync_dropped(const Reader& reader);
    [[nodiscard]] bool correct(std::uint32_t id, std::int64_t off);
    [[nodiscard]] Result<std::uint32_t> take_number();
    void drop_stale();
    [[nodiscard]] brink_answer insist(const brink_command& command);
    [[nodiscard]] brink_command about(std::uint32_t id, brink_command_kind kind) const;

    std::unique_ptr<kernel::Hooks> hooks_;
    HookSelections selections_;
    SharedSubjects shared_;
    RecordOrder order_;
    Fd epoll_;
    Fd sysctl_;   // kMaxMappings, held open while inotify_ waits for writes to it
    Fd inotify_;  // with the first watch on mappings
    struct Watch {
        std::uint32_t serial = 0;  // 0: there is none
        const Resource* resource = nullptr;
    };
    std::uint32_t max_watches_ = 0;
    std::uint32_t serial_ = 0;        // given last
    std::vector<Watch> watches_;      // by number
    std::deque<std::uint32_t> free_;  // numbers of removed watches, the longest gone first
    std::uint64_t dropped_seen_ = 0;
    std::uint64_t missed_seen_ = 0;
    std::uint64_t pending_seen_ = 0;
    std::uint64_t unsettled_ = 0;  // selected, and their tables could not be counted
    bool woken_ = false;           // counts may be off, or something is not watched
    kernel::HookEngine engine_ = kernel::HookEngine::kernel;
};

}  // namespace brink::engine
