// SPDX-License-Identifier: Apache-2.0
// SourceHub: one source of records for several users of it. Each has a share, which is a RecordSource of its own: its watches
// are numbered from 0, and it is handed the records of those and no others. Hooks stand in the kernel once, however many
// rules and clients there are.
//
// One thread. Shares must be gone before the hub.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/record_source.hpp"

namespace brink::engine {

class SourceHub {
  public:
    explicit SourceHub(std::unique_ptr<RecordSource> source) : source_(std::move(source)) {}
    ~SourceHub();
    SourceHub(const SourceHub&) = delete;
    SourceHub& operator=(const SourceHub&) = delete;

    /// What the source has dropped is nobody's in particular: a share that `hears_losses` states it (dropped(),
    /// BRINK_RECORD_LOST) and unwatched(), others leave that to it. Errors: no descriptor is left.
    [[nodiscard]] Result<std::unique_ptr<RecordSource>> share(bool hears_losses);

    [[nodiscard]] RecordSource& source() { return *source_; }
    [[nodiscard]] const RecordSource& source() const { return *source_; }

  private:
    class Share;
    struct Owner {
        Share* share = nullptr;
        std::uint32_t watch = 0;  // its number there
    };
    void pull(Share* reading, const RecordSource::Reader& reader);

    std::unique_ptr<RecordSource> source_;
    std::vector<Owner> owners_;  // by watch of the source
    std::vector<Share*> shares_;
};

}  // namespace brink::engine
