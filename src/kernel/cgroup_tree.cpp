// SPDX-License-Identifier: Apache-2.0
// Where the hierarchies are mounted, and a walk over one.
#include "kernel/cgroup_tree.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/fd.hpp"
#include "kernel/file_text.hpp"

namespace brink::kernel {
namespace {

constexpr int kKernfsHandle = 0xfe;  // FILEID_KERNFS, include/linux/exportfs.h
constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};
constexpr std::uint64_t kV1Unlimited = std::uint64_t{1}
                                       << 62;  // it writes LONG_MAX, rounded down to pages

bool has_word(std::string_view text, std::string_view word) {
    for (std::string_view next = next_word(text); !next.empty(); next = next_word(text))
        if (next == word) return true;
    return false;
}

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

}  // namespace

Result<std::string> Cgroup::text(std::string_view name) const {
    return read_text(directory_ + "/" + std::string(name));
}

Result<std::uint64_t> Cgroup::number(std::string_view name) const {
    const auto content = text(name);
    if (!content) return tl::unexpected<Error>(content.error());
    const std::string_view line = first_line(*content);
    if (line == "max") return kUnlimited;
    const auto value = to_number<std::uint64_t>(line);
    if (!value) return fail(path_ + ": " + std::string(name) + " has no number", EINVAL);
    return *value >= kV1Unlimited ? kUnlimited : *value;
}

Result<std::uint64_t> Cgroup::field(std::string_view name, std::string_view key) const {
    const auto content = text(name);
    if (!content) return tl::unexpected<Error>(content.error());
    std::string_view rest = *content;
    while (auto line = next_line(rest))
        if (next_word(*line) == key)
            if (const auto value = to_number<std::uint64_t>(next_word(*line))) return *value;
    return fail(path_ + ": " + std::string(name) + " has no " + std::string(key), ENOENT);
}

bool Cgroup::is_whole_machine() const {
    return path_ == "/" && ::access((directory_ + "/cgroup.events").c_str(), F_OK) != 0;
}

Cgroup Cgroup::child(const std::string& name) const {
    return {(path_ == "/" ? "" : path_) + "/" + name, directory_ + "/" + name};
}

std::vector<Cgroup> Cgroup::children() const {
    namespace fs = std::filesystem;
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(directory_, error), end; !error && entry != end;
         entry.increment(error))
        if (std::error_code ignored; entry->is_directory(ignored) && !entry->is_symlink(ignored))
            names.push_back(entry->path().filename().string());
    std::sort(names.begin(), names.end());
    std::vector<Cgroup> children;
    children.reserve(names.size());
    for (const std::string& name : names) children.push_back(child(name));
    return children;
}

CgroupTree::CgroupTree(const Mount& mount)
    : point_(mount.point),
      root_(mount.root == "/" ? "" : mount.root),
      version_(mount.type == "cgroup2" ? 2 : 1) {}

Result<CgroupTree> CgroupTree::find(const std::vector<Mount>& mounts, std::string_view controller) {
    for (const Mount& mount : mounts) {
        if (mount.type == "cgroup" && mount.has_option(controller)) return CgroupTree(mount);
        if (mount.type != "cgroup2") continue;
        const auto controllers = read_text(mount.point + "/cgroup.controllers");
        if (controllers && has_word(first_line(*controllers), controller)) return CgroupTree(mount);
    }
    return fail("no cgroup hierarchy with the controller " + std::string(controller) +
                    " is mounted",
                ENOENT);
}

Result<CgroupTree> CgroupTree::unified(const std::vector<Mount>& mounts) {
    for (const Mount& mount : mounts)
        if (mount.type == "cgroup2") return CgroupTree(mount);
    return fail("cgroup v2 is not mounted", ENOENT);
}

std::string CgroupTree::path(std::uint64_t id) const {
    alignas(file_handle) char bytes[sizeof(file_handle) + sizeof id];
    auto* const handle = reinterpret_cast<file_handle*>(bytes);
    handle->handle_bytes = sizeof id;
    handle->handle_type = kKernfsHandle;
    std::memcpy(handle->f_handle, &id, sizeof id);
    const Fd mount(::open(point_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const Fd cgroup(::open_by_handle_at(mount.get(), handle, O_PATH | O_CLOEXEC));
    if (!cgroup) return "";
    const auto link = read_link(AT_FDCWD, "/proc/self/fd/" + std::to_string(cgroup.get()));
    if (!link || !link->starts_with(point_) || link->ends_with(" (deleted)")) return "";
    const std::string path = root_ + link->substr(point_.size());
    return path.empty() ? "/" : path;
}

void CgroupTree::visit(const std::function<void(const Cgroup&)>& visitor) const {
    std::vector<Cgroup> left{root()};
    while (!left.empty()) {
        const Cgroup cgroup = std::move(left.back());
        left.pop_back();
        visitor(cgroup);
        std::vector<Cgroup> below = cgroup.children();
        left.insert(left.end(), below.rbegin(), below.rend());
    }
}

}  // namespace brink::kernel
