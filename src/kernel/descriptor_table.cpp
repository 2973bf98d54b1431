// SPDX-License-Identifier: Apache-2.0
// Reading /proc/PID/fd in three steps: count equal links, name each distinct link once, fold the
// names into a bounded number of items.
#include "kernel/descriptor_table.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "kernel/descriptor_kind.hpp"
#include "kernel/evidence_items.hpp"
#include "kernel/file_text.hpp"
#include "kernel/socket_table.hpp"

namespace brink::kernel {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxTargetBytes = std::size_t{16} << 20;  // all distinct targets together

struct Link {
    std::uint64_t count = 0;
    std::string descriptor;  ///< one of those that have it
};

struct Links {
    std::unordered_map<std::string, Link> by_target;
    std::uint64_t named = 0;    ///< what `by_target` adds up to
    std::uint64_t unnamed = 0;  ///< seen in the directory, not looked at
    std::string unavailable;
};

void add_reason(std::string& reasons, const std::string& reason) {
    if (!reasons.empty() && !reason.empty()) reasons += "; ";
    reasons += reason;
}

Links read_links(const std::string& directory, const DescribeBounds& bounds,
                 Clock::time_point deadline) {
    Links links;
    std::string first_error;
    std::size_t target_bytes = 0;
    const auto listed = for_each_number(directory, [&](std::uint32_t number) {
        if (links.named >= bounds.links || target_bytes >= kMaxTargetBytes ||
            Clock::now() >= deadline) {
            ++links.unnamed;
            return true;
        }
        const std::string descriptor = std::to_string(number);
        if (const auto target = read_link(AT_FDCWD, directory + "/" + descriptor)) {
            Link& link = links.by_target[*target];
            if (link.count == 0) target_bytes += target->size();
            ++link.count;
            ++links.named;
            link.descriptor = descriptor;
        } else if (errno != ENOENT) {  // ENOENT: closed meanwhile
            ++links.unnamed;
            first_error = std::strerror(errno);
        }
        return true;
    });
    if (!listed) {
        links.unavailable = "cannot list " + listed.error().message;
        if (listed.error().code == EACCES) links.unavailable += " (needs the ptrace read right)";
    } else if (links.unnamed != 0) {
        links.unavailable = std::to_string(links.unnamed) + " descriptors were counted, not named";
        if (!first_error.empty()) links.unavailable += " (" + first_error + ")";
    }
    return links;
}

// Of the file behind `path`, a link to `target`; nullopt where the target is no path.
std::optional<mode_t> mode_of(const std::string& target, const std::string& path,
                              Clock::time_point deadline) {
    if (!target.starts_with('/') || Clock::now() >= deadline) return std::nullopt;
    struct statx status {};
    if (::statx(AT_FDCWD, path.c_str(), AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE,
                &status) != 0)
        return std::nullopt;
    return status.stx_mode;
}

// Sockets answer with the name of their protocol ("TCP", "UNIX", "NETLINK") to this attribute,
// also those that are in no table of /proc/PID/net; nothing else does.
std::string protocol_of(const std::string& path) {
    std::array<char, 64> buffer{};
    const ssize_t got = ::getxattr(path.c_str(), "system.sockprotoname", buffer.data(),
                                   buffer.size() - 1);
    if (got <= 0) return "";
    std::string name(buffer.data());
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return name;
}

DescriptorName name_socket(const SocketTable& sockets, std::uint64_t inode,
                           const std::string& path) {
    if (const SocketName* name = sockets.find(inode)) return {"socket", name->narrow, name->wide};
    const std::string protocol = protocol_of(path);
    std::string name = protocol;
    if (protocol.starts_with("tcp") || protocol.starts_with("udp"))
        name += " not bound, not connected";
    return {"socket", name, name};
}

struct Named {
    DescriptorName name;
    std::uint64_t count;
};

// A group that is worth a line of its own even where many others are put together.
bool is_large(std::uint64_t count, std::uint64_t total) {
    return count >= 4 && count * 20 >= total;
}

std::vector<EvidenceItem> fold(const std::vector<Named>& names, std::uint64_t total,
                               std::size_t max_items) {
    std::map<std::tuple<std::string, std::string, std::string>, std::uint64_t> narrow;
    for (const Named& named : names)
        narrow[{named.name.kind, named.name.narrow, named.name.wide}] += named.count;
    struct Group {
        std::string only;  ///< the narrow name, while there is but one
        std::uint64_t count = 0;
        std::size_t members = 0;
    };
    std::map<std::pair<std::string, std::string>, Group> folded;
    std::vector<EvidenceItem> items;
    const bool crowded = narrow.size() > max_items;
    for (const auto& [key, count] : narrow) {
        const auto& [kind, name, wide] = key;
        const bool anonymous = wide.empty() && name.starts_with('[');
        if (is_large(count, total) || !(crowded || anonymous)) {
            items.push_back({kind, name, count});
            continue;
        }
        Group& group = folded[{kind, wide}];
        group.only = name;
        group.count += count;
        ++group.members;
    }
    for (const auto& [key, group] : folded)
        items.push_back({key.first, group.members == 1 ? group.only : key.second, group.count});
    return items;
}

}  // namespace

Evidence describe_descriptors(const Procfs& procfs, pid_t pid, const DescribeBounds& bounds) {
    const Clock::time_point deadline = Clock::now() + bounds.time;
    const std::string directory = procfs.path(pid, "fd");
    const Links links = read_links(directory, bounds, deadline);

    std::unordered_set<std::uint64_t> inodes;
    for (const auto& [target, link] : links.by_target)
        if (const auto inode = socket_inode(target)) inodes.insert(*inode);
    SocketTable sockets;
    if (!inodes.empty()) sockets.read(procfs.path(pid, "net"), inodes, deadline);

    std::vector<Named> names;
    names.reserve(links.by_target.size());
    for (const auto& [target, link] : links.by_target) {
        const std::string path = directory + "/" + link.descriptor;
        const auto inode = socket_inode(target);
        names.push_back({inode ? name_socket(sockets, *inode, path)
                               : name_descriptor(target, mode_of(target, path, deadline)),
                         link.count});
    }
    Evidence evidence;
    evidence.total = links.named + links.unnamed;
    evidence.omitted = links.unnamed;
    evidence.items = fold(names, links.named, bounds.items);
    keep_largest(evidence, bounds.items);
    evidence.unavailable = links.unavailable;
    add_reason(evidence.unavailable, sockets.unavailable());
    return evidence;
}

}  // namespace brink::kernel
