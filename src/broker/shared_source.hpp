// SPDX-License-Identifier: Apache-2.0
// The source of records that all clients share: the best engine for every resource that can be watched.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "broker/source_options.hpp"
#include "engine/record_source.hpp"

namespace brink::broker {

struct SharedSource {
    std::unique_ptr<engine::RecordSource> source;
    std::string remark;  ///< why it is not a better engine; empty if it is the best
};

/// The error: why the engine that was asked for cannot be had.
[[nodiscard]] Result<SharedSource> open_shared_source(const SourceOptions& options);

/// "kernel", "tracepoint", "poll" or "auto".
[[nodiscard]] Result<EngineWish> parse_engine_wish(const std::string& name);

}  // namespace brink::broker
