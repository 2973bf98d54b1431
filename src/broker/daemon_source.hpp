// SPDX-License-Identifier: Apache-2.0
// DaemonSource: brinkd as a source of records, for a command of somebody who may not load programs. What only the hooks
// of brink itself can do is left out: signals from the kernel, stacks, ARMED records.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/fd.hpp"
#include "engine/record_source.hpp"

namespace brink::broker {

class DaemonSource final : public engine::RecordSource {
  public:
    /// Errors: there is no daemon at `path`, or it does not answer.
    [[nodiscard]] static Result<std::unique_ptr<DaemonSource>> connect(const std::string& path);

    [[nodiscard]] std::string_view engine() const override { return engine_; }
    [[nodiscard]] Result<std::uint32_t> add_watch(const Resource& resource,
                                                  const brink_watch& watch) override;
    /// Errors: what the daemon says: EPERM, EDQUOT, …
    [[nodiscard]] Result<void> bind(std::uint32_t watch, const engine::Target& target) override;

    /// -1 once the daemon has ended.
    [[nodiscard]] int fd() const override { return socket_.get(); }
    void read(const Reader& reader) override;
    void catch_up() override;
    [[nodiscard]] std::string failure() const override;
    [[nodiscard]] int timeout_ms() const override { return -1; }
    [[nodiscard]] std::uint64_t dropped() const override { return dropped_; }
    [[nodiscard]] std::uint64_t unwatched() const override { return 0; }

  private:
    explicit DaemonSource(Fd socket) : socket_(std::move(socket)) {}

    Fd socket_;
    std::string engine_;
    std::vector<std::string> specs_;                          // by watch
    std::unordered_map<std::uint32_t, std::uint32_t> bound_;  // watch of the daemon to ours
    std::uint64_t dropped_ = 0;
};

/// `watch` on `resource` as it is typed; levels may stand in another form than they were typed in, but not elsewhere.
[[nodiscard]] std::string spec_text(const Resource& resource, const brink_watch& watch);

}  // namespace brink::broker
