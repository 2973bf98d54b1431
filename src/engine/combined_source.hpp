// SPDX-License-Identifier: Apache-2.0
// CombinedSource: several sources side by side, each for what it is best at. To everything above it is one source: numbers
// of watches and tallies are its own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/fd.hpp"
#include "engine/record_source.hpp"

namespace brink::engine {

class CombinedSource final : public RecordSource {
  public:
    /// A source, and which resources it takes. More than one may take a resource: one that counts, and one that says
    /// when it is refused.
    struct Part {
        std::unique_ptr<RecordSource> source;
        std::function<bool(const Resource&)> takes;
        bool only_if_ready =
            false;  ///< read when its descriptor is readable, and not whenever another's is
    };

    /// The first part gives its name to the whole.
    /// REQUIRES: 1 to 16 parts; each resource watched is taken by one at least.
    [[nodiscard]] static Result<std::unique_ptr<CombinedSource>> create(std::vector<Part> parts);

    [[nodiscard]] std::string_view engine() const override { return parts_[0].source->engine(); }
    [[nodiscard]] std::string_view engine_of(std::uint32_t tally) const override;
    [[nodiscard]] const resource::Subject* subject_of(std::uint32_t tally) const override;
    [[nodiscard]] const Culprit* culprit() const override {
        return parts_[reading_].source->culprit();
    }
    [[nodiscard]] Result<void> set_owner(std::uint32_t owner, const Owner& who) override;
    [[nodiscard]] Result<void> set_account(std::uint32_t account, const Account& bounds) override;
    [[nodiscard]] Result<std::uint32_t> add_watch(const Resource& resource,
                                                  const brink_watch& watch) override;
    [[nodiscard]] Result<void> bind(std::uint32_t watch, const Target& target) override;
    [[nodiscard]] Result<void> select(std::uint32_t watch, const Selection& selection) override;
    [[nodiscard]] std::vector<std::string> take_remarks() override;
    [[nodiscard]] Selected selected(std::uint32_t watch) const override;
    void executed(pid_t pid) override;
    void remove_watches(std::span<const std::uint32_t> watches) override;
    [[nodiscard]] bool resync(std::uint32_t tally, std::uint32_t generation) override;
    [[nodiscard]] std::optional<std::size_t> check_all() override;
    [[nodiscard]] int fd() const override { return epoll_.get(); }
    void read(const Reader& reader) override;
    [[nodiscard]] int timeout_ms() const override;
    [[nodiscard]] std::uint64_t dropped() const override;
    [[nodiscard]] std::uint64_t dropped_of(std::uint32_t account) const override;
    [[nodiscard]] std::uint64_t unwatched() const override;

  private:
    struct Place {
        std::size_t part;
        std::uint32_t watch;  // its number there
    };

    CombinedSource() = default;
    void read_from(std::size_t part, const Reader& reader);
    void remove(const std::vector<Place>& places);

    std::vector<Part> parts_;
    std::vector<std::vector<Place>> places_;           // by watch
    std::vector<std::vector<std::uint32_t>> watches_;  // by part, then by the number there
    std::size_t reading_ = 0;          // the part whose records are being handed over
    std::vector<std::uint32_t> free_;  // numbers of removed watches
    Fd epoll_;
};

}  // namespace brink::engine
