// SPDX-License-Identifier: Apache-2.0
#include "engine/selection_match.hpp"

#include <sched.h>

#include <algorithm>
#include <string_view>

namespace brink::engine {
namespace {

constexpr std::string_view kDeleted = " (deleted)";
constexpr std::string_view kMonitor =
    "conmon-";  // has a container's ID in its cgroup's name, and is not in it

// Whether some part of `path` is as `wanted` says.
template <typename Wanted>
bool some_part(std::string_view path, const Wanted& wanted) {
    while (!path.empty()) {
        const std::size_t slash = std::min(path.find('/'), path.size());
        if (slash > 0 && wanted(path.substr(0, slash))) return true;
        path.remove_prefix(std::min(slash + 1, path.size()));
    }
    return false;
}

// systemd puts a '_' before a name that a file of a controller could have.
bool is_unit(std::string_view part, std::string_view unit) {
    return part == unit || (part.starts_with('_') && part.substr(1) == unit);
}

// "docker-ID.scope", "ID", "cri-containerd-ID.scope".
bool holds_id(std::string_view part, std::string_view id) {
    for (std::size_t at = part.find(id); at != std::string_view::npos; at = part.find(id, at + 1))
        if (at == 0 || (part[at - 1] == '-' && !part.substr(0, at).ends_with(kMonitor)))
            return true;
    return false;
}

bool is_below(std::string_view path, std::string_view cgroup) {
    if (cgroup == "/") return true;
    return path.starts_with(cgroup) && (path.size() == cgroup.size() || path[cgroup.size()] == '/');
}

bool in_cgroup(const Selection& selection, const std::string& path) {
    switch (selection.by) {
        case SelectBy::cgroup: return is_below(path, selection.value);
        case SelectBy::unit:
            return some_part(path, [&](auto part) { return is_unit(part, selection.value); });
        default: return some_part(path, [&](auto part) { return holds_id(part, selection.value); });
    }
}

bool executes(std::string_view exe, std::string_view path) {
    if (exe.ends_with(kDeleted)) exe.remove_suffix(kDeleted.size());
    return exe == path;
}

bool has_user(const kernel::Procfs& procfs, pid_t pid, uid_t uid) {
    const auto status = procfs.status(pid);
    return status && status->uid_real == uid;
}

bool is_realtime(const kernel::Procfs& procfs, pid_t pid) {
    const std::vector<pid_t> threads = procfs.threads(pid);
    return std::any_of(threads.begin(), threads.end(), [&](pid_t tid) {
        const auto stat = procfs.stat(tid);
        return stat && !stat->exiting() &&
               (stat->policy == SCHED_FIFO || stat->policy == SCHED_RR ||
                stat->policy == SCHED_DEADLINE);
    });
}

}  // namespace

bool is_selected(const Selection& selection, const kernel::Procfs& procfs, pid_t pid) {
    const auto stat = procfs.stat(pid);
    if (!stat || stat->of_kernel() || stat->state == 'Z' || stat->state == 'X') return false;
    switch (selection.by) {
        case SelectBy::comm: return stat->comm == selection.value;
        case SelectBy::exe: return executes(procfs.exe(pid), selection.value);
        case SelectBy::user: return has_user(procfs, pid, selection.uid);
        case SelectBy::realtime: return is_realtime(procfs, pid);
        case SelectBy::unit:
        case SelectBy::cgroup:
        case SelectBy::container: return in_cgroup(selection, procfs.cgroup(pid));
        case SelectBy::all: return true;
        case SelectBy::system: return false;
    }
    return false;
}

}  // namespace brink::engine
