// SPDX-License-Identifier: Apache-2.0
// CombinedSource: hooks for what they count, and the poll engine beside them for the rest. To everything above it is one
// source: numbers of watches and tallies are its own.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "engine/record_source.hpp"

namespace brink::engine {

class CombinedSource final : public RecordSource {
  public:
    /// `hooks` takes the resources that it counts(), `poll` the others.
    [[nodiscard]] static Result<std::unique_ptr<CombinedSource>> create(
        std::unique_ptr<RecordSource> hooks, std::unique_ptr<RecordSource> poll);

    [[nodiscard]] std::string_view engine() const override { return sources_[0]->engine(); }
    [[nodiscard]] std::string_view engine(std::uint32_t watch) const override;
    [[nodiscard]] Result<std::uint32_t> add_watch(const Resource& resource,
                                                  const brink_watch& watch) override;
    [[nodiscard]] Result<void> bind(std::uint32_t watch, const Target& target) override;
    [[nodiscard]] Result<void> select(std::uint32_t watch, const Selection& selection) override;
    void executed(pid_t pid) override;
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
    std::vector<Place> places_;  // by watch
    Fd epoll_;
};

}  // namespace brink::engine
