// SPDX-License-Identifier: Apache-2.0
// CombinedSource: hooks for what they count, and the poll engine beside them for the rest. To everything above it is one
// source: numbers of watches and tallies are its own.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "engine/record_source.hpp"

namespace brink::engine {

class CombinedSource final : public RecordSource {
  public:
    /// `hooks` takes the resources that have hooks, `poll` the others.
    [[nodiscard]] static Result<std::unique_ptr<CombinedSource>> create(
        std::unique_ptr<RecordSource> hooks, std::unique_ptr<RecordSource> poll);

    [[nodiscard]] std::string_view engine() const override { return sources_[0]->engine(); }
    [[nodiscard]] std::string_view engine(std::uint32_t watch) const override;
    [[nodiscard]] Result<void> set_owner(std::uint32_t owner, const Owner& who) override;
    [[nodiscard]] Result<void> set_account(std::uint32_t account, const Account& bounds) override;
    [[nodiscard]] Result<std::uint32_t> add_watch(const Resource& resource,
                                                  const brink_watch& watch) override;
    [[nodiscard]] Result<void> bind(std::uint32_t watch, const Target& target) override;
    [[nodiscard]] Result<void> select(std::uint32_t watch, const Selection& selection) override;
    void executed(pid_t pid) override;
    void remove_watches(std::span<const std::uint32_t> watches) override;
    [[nodiscard]] bool resync(std::uint32_t tally, std::uint32_t generation) override;
    [[nodiscard]] std::optional<std::size_t> check_all() override;
    [[nodiscard]] int fd() const override { return epoll_.get(); }
    void read(const Reader& reader) override;
    [[nodiscard]] int timeout_ms() const override;
    [[nodiscard]] std::uint64_t dropped() const override;
    [[nodiscard]] std::uint64_t unwatched() const override;

  private:
    struct Place {
        std::size_t source;   // in sources_
        std::uint32_t watch;  // its number there
    };

    CombinedSource() = default;
    void read_from(std::size_t source, const Reader& reader);

    std::vector<std::unique_ptr<RecordSource>> sources_;
    std::vector<Place> places_;        // by watch
    std::vector<std::uint32_t> free_;  // numbers of removed watches
    std::array<std::vector<std::uint32_t>, 2> numbers_;  // by source and watch there: its number here
    Fd epoll_;
};

}  // namespace brink::engine
