// SPDX-License-Identifier: Apache-2.0
// Putting together what the usage consists of and the unwound stack.
#include "action/evidence.hpp"

#include <fmt/format.h>

#include <utility>

#include "kernel/descriptor_table.hpp"
#include "kernel/mapping_breakdown.hpp"
#include "kernel/process_breakdown.hpp"
#include "kernel/unwind.hpp"

namespace brink::action {
namespace {

bool is_still(const kernel::Procfs& procfs, const EvidenceRequest& request) {
    const auto stat = procfs.stat(request.pid);
    return stat && (request.start_time == 0 || stat->start_time == request.start_time);
}

Evidence break_down(const kernel::Procfs& procfs, const EvidenceRequest& request) {
    using kernel::MappingMeasure;
    const Hooked hooked = request.resource ? request.resource->hooked : Hooked::descriptors;
    const Scope scope = request.resource ? request.resource->scope : Scope::process;
    if (scope == Scope::user) return kernel::describe_user_tree(procfs, request.uid);
    if (scope == Scope::cgroup) return kernel::describe_cgroup_tree(procfs, request.cgroup);
    switch (hooked) {
        case Hooked::address_space:
            return kernel::describe_mappings(procfs, request.pid, MappingMeasure::size);
        case Hooked::data:
            return kernel::describe_mappings(procfs, request.pid, MappingMeasure::data);
        case Hooked::resident_memory:
            return kernel::describe_mappings(procfs, request.pid, MappingMeasure::resident);
        case Hooked::mappings:
            return kernel::describe_mappings(procfs, request.pid, MappingMeasure::count);
        case Hooked::threads: return kernel::describe_threads(procfs, request.pid);
        default: return kernel::describe_descriptors(procfs, request.pid);
    }
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
    Evidence evidence = break_down(procfs, request);
    if ((!request.resource || request.resource->scope == Scope::process) &&
        !is_still(procfs, request)) {
        evidence = {};
        evidence.unavailable = "process " + std::to_string(request.pid) + " is gone";
    }
    if (evidence.items.empty() && evidence.unavailable.empty())
        evidence.unavailable = "nothing was left of it when it was read";
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
