// SPDX-License-Identifier: Apache-2.0
#include "kernel/process_breakdown.hpp"

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <unordered_map>
#include <vector>

#include "kernel/evidence_items.hpp"

namespace brink::kernel {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLongestWay = 16;  // names in it; a fork bomb's way is long

struct Member {
    pid_t parent = 0;
    std::string comm;
    std::uint64_t threads = 0;
};

using Members = std::unordered_map<pid_t, Member>;

// From the first member down; names that repeat are said once.
std::string way_to(pid_t pid, const Members& members) {
    std::string way;
    std::string last;
    std::size_t names = 0;
    for (std::size_t steps = 0; steps < members.size(); ++steps) {
        const auto member = members.find(pid);
        if (member == members.end()) break;
        if (member->second.comm != last) {
            if (++names > kLongestWay) return "... > " + way;
            last = member->second.comm;
            way = way.empty() ? last : fmt::format("{} > {}", last, way);
        }
        pid = member->second.parent;
    }
    return way;
}

Evidence describe_tree(const Procfs& procfs, const DescribeBounds& bounds,
                       const std::function<bool(pid_t)>& belongs) {
    const auto deadline = Clock::now() + bounds.time;
    Evidence evidence;
    Members members;
    std::size_t seen = 0;
    for (const auto& [pid, parent] : procfs.parents()) {
        if (++seen > bounds.links || Clock::now() > deadline) {
            evidence.unavailable = fmt::format("only {} processes were looked at", seen - 1);
            break;
        }
        if (!belongs(pid)) continue;
        if (const auto stat = procfs.stat(pid))
            members[pid] = {stat->ppid, stat->comm, stat->num_threads};
    }
    EvidenceSums sums;
    for (const auto& [pid, member] : members)
        sums.add("process", way_to(pid, members), member.threads);
    sums.write(evidence, bounds.items);
    return evidence;
}

}  // namespace

Evidence describe_threads(const Procfs& procfs, pid_t pid, const DescribeBounds& bounds) {
    const auto deadline = Clock::now() + bounds.time;
    Evidence evidence;
    EvidenceSums sums;
    std::size_t seen = 0;
    for (const pid_t tid : procfs.threads(pid)) {
        if (++seen > bounds.links || Clock::now() > deadline) {
            evidence.unavailable = fmt::format("only {} threads were looked at", seen - 1);
            break;
        }
        if (const auto stat = procfs.stat(tid)) sums.add("thread", stat->comm, 1);
    }
    sums.write(evidence, bounds.items);
    return evidence;
}

Evidence describe_user_tree(const Procfs& procfs, uid_t uid, const DescribeBounds& bounds) {
    return describe_tree(procfs, bounds, [&](pid_t pid) {
        const auto status = procfs.status(pid);
        return status && status->uid_real == uid;
    });
}

Evidence describe_cgroup_tree(const Procfs& procfs, const std::string& cgroup,
                              const DescribeBounds& bounds) {
    const std::string below = cgroup == "/" ? cgroup : cgroup + "/";
    return describe_tree(procfs, bounds, [&](pid_t pid) {
        const std::string path = procfs.cgroup(pid);
        return path == cgroup || path.starts_with(below);
    });
}

}  // namespace brink::kernel
