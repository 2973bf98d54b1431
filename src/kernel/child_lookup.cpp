// SPDX-License-Identifier: Apache-2.0
// Finding children by the kernel's lists or by the parents of all.
#include "kernel/child_lookup.hpp"

#include <unordered_set>

namespace brink::kernel {
namespace {

constexpr std::size_t kMaxDescendants = 65536;

}  // namespace

ChildLookup::ChildLookup(const Procfs& procfs) : procfs_(&procfs) {
    if (procfs.has_children_files()) return;
    for (const auto& [child, parent] : procfs.parents()) by_parent_.emplace(parent, child);
}

std::vector<pid_t> ChildLookup::of(pid_t pid) const {
    if (procfs_->has_children_files()) return procfs_->children(pid);
    std::vector<pid_t> found;
    const auto [from, to] = by_parent_.equal_range(pid);
    for (auto entry = from; entry != to; ++entry) found.push_back(entry->second);
    return found;
}

std::vector<pid_t> ChildLookup::of_thread(pid_t tid) const {
    if (!procfs_->has_children_files()) return {};
    return procfs_->children_of_thread(tid);
}

std::vector<pid_t> ChildLookup::descendants(pid_t pid) const {
    std::vector<pid_t> found{pid};
    std::unordered_set<pid_t> seen{pid};  // recycled numbers could make a ring
    for (std::size_t i = 0; i < found.size() && found.size() <= kMaxDescendants; ++i)
        for (const pid_t child : of(found[i]))
            if (found.size() <= kMaxDescendants && seen.insert(child).second)
                found.push_back(child);
    found.erase(found.begin());
    return found;
}

}  // namespace brink::kernel
