// SPDX-License-Identifier: Apache-2.0
// Served inside the process, for a program that may load BPF itself: a socketpair(2), and a thread at its other end.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "broker/source_options.hpp"

namespace brink::broker {

/// The client's end. The thread ends when the last copy of it is closed, and everything with the thread. It has a table of
/// descriptors of its own: those of the programs neither count in the process nor go to its children.
[[nodiscard]] Result<Fd> serve_in_process(const SourceOptions& options);

}  // namespace brink::broker
