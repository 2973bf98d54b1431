// SPDX-License-Identifier: Apache-2.0
// Which engine: the best that this kernel and these privileges allow, or the one that was asked for;
// and the words that say so.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "engine/record_source.hpp"
#include "kernel/machine.hpp"
#include "kernel/tasks.hpp"
#include "options.hpp"

namespace brink::app {

struct ChosenEngine {
    std::unique_ptr<engine::RecordSource> source;
    std::string remark;  ///< what it costs or misses, and why it is not a better one
    bool by_daemon = false;  ///< brinkd is asked, and decides what we may watch
};

/// For each watch the best that there is for its resource: hooks (`kernel`, else `tracepoint`), else what the kernel tells
/// (`timer`, `notify`), else `poll`; or only the one that was asked for. Programs are loaded and attached.
[[nodiscard]] Result<ChosenEngine> choose_engine(const MonitorOptions& options);

/// The kernel's task iterator for `limits` and `top`; nullptr: /proc is to be read, because `choice` is poll, or because
/// it is automatic and the iterator cannot be had. The error: it was asked for (kernel), and cannot be had.
[[nodiscard]] Result<std::unique_ptr<kernel::TaskIterator>> choose_task_iterator(
    EngineChoice choice);

/// A look that begins now, with a pass of `iterator` unless that is nullptr.
[[nodiscard]] kernel::Machine look_at_machine(const kernel::TaskIterator* iterator);

}  // namespace brink::app
