// SPDX-License-Identifier: Apache-2.0
// Putting together the descriptor table and the unwound stack.
#include "action/evidence.hpp"

#include <fmt/format.h>

#include <utility>

#include "kernel/descriptor_table.hpp"
#include "kernel/unwind.hpp"

namespace brink::action {
namespace {

bool is_still(const kernel::Procfs& procfs, const EvidenceRequest& request) {
    const auto stat = procfs.stat(request.pid);
    return stat && (request.start_time == 0 || stat->start_time == request.start_time);
}

void add_stack(const EvidenceRequest& request, Evidence& evidence) {
    if (request.stack == nullptr) return;
    const pid_t pid = request.stack_pid != 0 ? request.stack_pid : request.pid;
    kernel::UnwindResult unwound = kernel::unwind(pid, *request.stack);
    evidence.stack = std::move(unwound.frames);
    if (unwound.unavailable.empty()) return;
    if (!evidence.unavailable.empty()) evidence.unavailable += "; ";
    evidence.unavailable += "stack: " + unwound.unavailable;
}

}  // namespace

ActionOutcome collect_evidence(const kernel::Procfs& procfs, const EvidenceRequest& request) {
    // Asked afterwards: then what was read before is that of this process.
    Evidence evidence = kernel::describe_descriptors(procfs, request.pid);
    if (!is_still(procfs, request)) {
        evidence = {};
        evidence.unavailable = "process " + std::to_string(request.pid) + " is gone";
    }
    if (evidence.items.empty() && evidence.unavailable.empty())
        evidence.unavailable = "no descriptor was open any more when it was read";
    add_stack(request, evidence);
    ActionOutcome outcome{"done", evidence.unavailable, std::nullopt};
    if (evidence.items.empty() && evidence.stack.empty())
        outcome.result = "failed";
    else if (request.usage && *request.usage != evidence.total)
        outcome.detail = fmt::format("{} at the crossing, {} when it was read{}{}", *request.usage,
                                     evidence.total, outcome.detail.empty() ? "" : "; ",
                                     outcome.detail);
    outcome.evidence = std::move(evidence);
    return outcome;
}

}  // namespace brink::action
