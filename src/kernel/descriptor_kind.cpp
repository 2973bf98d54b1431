// SPDX-License-Identifier: Apache-2.0
// From link texts to kinds of descriptor. The texts are those of the kernel's d_dname functions
// and of the names given to anon_inode_getfile().
#include "kernel/descriptor_kind.hpp"

#include <sys/stat.h>

#include <array>
#include <utility>

#include "kernel/file_text.hpp"

namespace brink::kernel {
namespace {

constexpr std::string_view kDeleted = " (deleted)";

struct AnonymousKind {
    std::string_view name;  ///< without brackets: older kernels had some without
    std::string_view kind;
};
constexpr std::array<AnonymousKind, 9> kAnonymousKinds = {{
    {"eventpoll", "epoll"},
    {"eventfd", "eventfd"},
    {"timerfd", "timerfd"},
    {"signalfd", "signalfd"},
    {"inotify", "inotify"},
    {"fanotify", "fanotify"},
    {"pidfd", "pidfd"},
    {"io_uring", "io_uring"},
    {"perf_event", "perf_event"},
}};

DescriptorName name_anonymous(std::string_view name) {
    if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
    for (const AnonymousKind& known : kAnonymousKinds)
        if (known.name == name) return {std::string(known.kind), "", ""};
    if (name.starts_with("bpf")) {  // bpf-map, bpf-prog, bpf_link, bpf_iter
        std::string kind(name);
        if (kind.size() > 3) kind[3] = '-';
        return {std::move(kind), "", ""};
    }
    return {"anon_inode", std::string(name), std::string(name)};
}

std::string folder_of(std::string_view path) {
    return std::string(path.substr(0, path.rfind('/') + 1)) + "*";
}

DescriptorName name_path(std::string_view link, std::optional<mode_t> mode) {
    std::string_view path = link;
    const bool deleted = path.ends_with(kDeleted);
    if (deleted) path.remove_suffix(kDeleted.size());
    constexpr std::string_view kMemfd = "/memfd:";
    if (deleted && path.starts_with(kMemfd)) return {"memfd", std::string(path.substr(7)), ""};
    std::string kind = "file";
    if (mode && S_ISDIR(*mode)) kind = "directory";
    if (mode && (S_ISCHR(*mode) || S_ISBLK(*mode))) kind = "device";
    if (mode && S_ISFIFO(*mode)) kind = "fifo";
    if (mode && S_ISSOCK(*mode)) kind = "socket";  // O_PATH of a socket's name
    if (deleted) kind = "deleted " + kind;
    return {std::move(kind), std::string(path), folder_of(path)};
}

}  // namespace

std::optional<std::uint64_t> socket_inode(std::string_view link) {
    constexpr std::string_view kSocket = "socket:[";
    if (!link.starts_with(kSocket) || !link.ends_with(']')) return std::nullopt;
    return to_number<std::uint64_t>(link.substr(kSocket.size(), link.size() - kSocket.size() - 1));
}

DescriptorName name_descriptor(std::string_view link, std::optional<mode_t> mode) {
    if (link.starts_with('/')) return name_path(link, mode);
    const std::size_t colon = link.find(':');
    if (colon == std::string_view::npos) return {"other", std::string(link), ""};
    const std::string_view type = link.substr(0, colon);
    const std::string_view name = link.substr(colon + 1);
    if (type == "anon_inode") return name_anonymous(name);
    if (type == "pipe" || type == "socket" || type == "pidfd")
        return {std::string(type), std::string(name), ""};
    // "net:[4026531840]" and its like, ns(7)
    return {"namespace", std::string(link), std::string(type)};
}

}  // namespace brink::kernel
